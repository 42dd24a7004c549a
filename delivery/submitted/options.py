"""What a program asks of us in fields of our own, which do not go out with the message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar

from rest_framework.exceptions import ParseError, ValidationError

from accounts.errors import InvalidRequest
from accounts.parsers import document_of
from delivery.submitted.fields import Fields
from delivery.submitted.words import decoded_words
from emails.api.fields import MomentField, NameField

TAGS_LIMIT: Final = 50
TAG_LIMIT: Final = 100  # characters
_TRACKED = {
    "on": (True, True),
    "opens": (True, False),
    "clicks": (False, True),
    "off": (False,) * 2,
}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Options:
    """When it is sent, what is tracked, and what its sender keeps with it."""

    scheduled_at: datetime | None = None
    tags: tuple[str, ...] = ()
    track: tuple[bool, bool] = (True, True)  # opens, clicks
    metadata: dict[str, Any] = field(default_factory=dict)


def read_options(fields: Fields) -> Options:
    """Return what the `X-Mailer-…` fields ask for. Raises InvalidRequest, which names all wrong."""
    refused: dict[str, list[str]] = {}
    given: dict[str, Any] = {}
    for key, (name, read) in READERS.items():
        value = fields.one(key)
        if value:
            try:
                given[name] = read(decoded_words(value))
            except ValidationError as error:
                refused[fields.all(key)[0].name] = [str(reason) for reason in _reasons(error)]
    if refused:
        raise InvalidRequest(refused)
    return Options(**given)


def _tags(value: str) -> tuple[str, ...]:
    tags = tuple(tag for written in value.split(",") if (tag := written.strip()))
    if len(tags) > TAGS_LIMIT:
        raise ValidationError(f"Give at most {TAGS_LIMIT} tags.")
    return tuple(NameField(max_length=TAG_LIMIT).run_validation(tag) for tag in tags)


def _track(value: str) -> tuple[bool, bool]:
    opens, clicks = _TRACKED.get(value.strip().lower(), (None, None))
    if opens is None or clicks is None:
        raise ValidationError(f"Write one of: {', '.join(_TRACKED)}.")
    return opens, clicks


def _metadata(value: str) -> dict[str, Any]:
    try:
        metadata = document_of(value.encode())
    except (ParseError, InvalidRequest, UnicodeEncodeError):  # the last: of half a character
        metadata = None
    if not isinstance(metadata, dict):
        raise ValidationError('Write a JSON object, such as {"order": 17}.')
    return metadata


def _reasons(error: ValidationError) -> list[Any]:
    return error.detail if isinstance(error.detail, list) else [error.detail]


READERS: Final[dict[str, tuple[str, Callable[[str], Any]]]] = {
    "x-mailer-schedule": ("scheduled_at", MomentField().to_internal_value),
    "x-mailer-tags": ("tags", _tags),
    "x-mailer-track": ("track", _track),
    "x-mailer-metadata": ("metadata", _metadata),
}
