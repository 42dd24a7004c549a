"""JSON bodies of bounded size and depth, holding only what every later step can hold."""

import json
from collections.abc import Iterator, Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from accounts.errors import ApiError, InvalidRequest

MAX_DEPTH = 32


class LimitedJSONParser(BaseParser):
    """Reads a JSON body; DRF's own parser knows no size limit."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the document. ApiError 413 past MAX_REQUEST_BYTES, ParseError when not JSON."""
        limit = settings.MAX_REQUEST_BYTES
        declared = _content_length(parser_context or {})
        if declared > limit:  # refused before it is read
            raise too_large("request", limit, "MAX_REQUEST_BYTES")
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            raise too_large("request", limit, "MAX_REQUEST_BYTES")
        document = decode(raw)
        if unholdable := dict(_unholdable(document)):
            raise InvalidRequest({name or "request": [why] for name, why in unholdable.items()})
        return document


def too_large(what: str, limit: int, setting: str) -> ApiError:
    """Return the 413 that names the limit and its setting."""
    return ApiError(
        413,
        "too_large",
        f"The {what} is larger than {limit} bytes ({setting}). Make it smaller and send it again.",
    )


def _content_length(context: Mapping[str, Any]) -> int:
    request = context.get("request")
    value = request.META.get("CONTENT_LENGTH") if request is not None else None
    return int(value) if value and value.isdigit() else 0


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def decode(raw: bytes) -> Any:
    """Return the JSON document in `raw` (RFC 8259: UTF-8, no NaN). Raises ParseError."""
    try:
        return json.loads(raw.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        raise ParseError("The body is not UTF-8. Encode it as UTF-8.") from None
    except RecursionError:
        raise ParseError(f"The JSON is nested deeper than {MAX_DEPTH} levels.") from None
    except ValueError as error:
        raise ParseError(f"The body is not JSON: {error}.") from None


def _unholdable(value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield (path, reason) for what PostgreSQL or UTF-8 can't hold, and for too much depth."""
    if depth > MAX_DEPTH:
        yield path, f"This is nested deeper than {MAX_DEPTH} levels."
    elif isinstance(value, str):
        if "\x00" in value:
            yield path, "This contains a NUL character. Remove it."
        if not value.isascii() and not _is_unicode(value):
            yield path, "This contains half of a surrogate pair. Send whole characters."
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _unholdable(name, f"{path}.{name!r}".lstrip("."), depth + 1)
            yield from _unholdable(inner, f"{path}.{name}".lstrip("."), depth + 1)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _unholdable(inner, f"{path}.{index}".lstrip("."), depth + 1)


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
