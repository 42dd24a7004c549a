"""What delivery needs of emails: read for many at once, without what only people look at."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from django.db import connection, models
from django.db.models.functions import Now

from emails.dialect import run
from emails.models import Attachment, Email, TemplateVersion


class Outgoing(NamedTuple):
    """An email as it is sent; the fields are those of `Email`. A tenth of what a row costs."""

    pk: int
    project_id: int
    public_id: str
    created_at: datetime
    from_email: str
    from_name: str
    reply_to: list[dict[str, str]]
    to: list[dict[str, str]]
    cc: list[dict[str, str]]
    subject: str
    html_body: str
    text_body: str
    variables: dict[str, Any]
    headers: dict[str, str | list[str]]
    rfc_message_id: str
    track_opens: bool
    track_clicks: bool
    scheduled_at: datetime | None
    expires_at: datetime
    seconds_left: float  # until then, by the database's clock, when it was loaded
    template_version: TemplateVersion | None
    attachments: Sequence[Attachment]

    @property
    def size(self) -> int:
        """About how many bytes its message has, encoded."""
        files = sum(attachment.upload.size for attachment in self.attachments)
        return len(self.html_body) + len(self.text_body) + files * 4 // 3


BESIDE = ("seconds_left", "template_version", "attachments")  # what is no column
COLUMNS = [name for name in Outgoing._fields if name not in BESIDE]
EXPIRES_AT = COLUMNS.index("expires_at")


class _Row(NamedTuple):
    """What the database says of an email: COLUMNS, and what else it takes to find what is BESIDE.

    `has_attachments` may be true where there are none.
    """

    columns: Sequence[Any]
    seconds_left: float
    version_id: int | None
    has_attachments: bool


def load(ids: Collection[int]) -> dict[int, Outgoing]:
    """Return the emails that (still) exist, by id."""
    rows = list(_from_postgresql(ids) if connection.vendor == "postgresql" else _from_sqlite(ids))
    versions = TemplateVersion.objects.in_bulk({row.version_id for row in rows if row.version_id})
    attachments = _attachments([row.columns[0] for row in rows if row.has_attachments])
    found: dict[int, Outgoing] = {}
    for columns, seconds_left, version_id, _ in rows:
        version = versions.get(version_id) if version_id else None
        values = [*columns, seconds_left, version, attachments.get(columns[0], ())]
        found[columns[0]] = Outgoing(*values)
    return found


def _from_sqlite(ids: Collection[int]) -> Iterator[_Row]:
    emails = Email.objects.filter(pk__in=ids)
    for *columns, now, version_id in emails.values_list(*COLUMNS, Now(), "template_version_id"):
        left = (columns[EXPIRES_AT] - now).total_seconds()
        yield _Row(columns, left, version_id, has_attachments=True)


def _from_postgresql(ids: Collection[int]) -> Iterator[_Row]:
    """By a statement of our own: of what a row costs, half is how Django asks and reads."""
    for *columns, left, version_id, has_attachments in run(_statement(), [list(ids)]):
        for place, read in _readings():
            columns[place] = read(columns[place])
        yield _Row(columns, left, version_id, has_attachments)


@cache
def _statement() -> str:
    columns = ", ".join(_written(Email._meta.get_field(name)) for name in _columns())
    return f"""
        SELECT {columns}, extract(epoch FROM expires_at - statement_timestamp())::float8,
            template_version_id,
            EXISTS (SELECT FROM attachments WHERE attachments.email_id = emails.id)
        FROM emails WHERE id = ANY(%s)
        """


def _columns() -> list[str]:
    return ["id" if name == "pk" else name for name in COLUMNS]


def _written(field: Any) -> str:
    """SQL for a column in the form that `_readings` reads."""
    if isinstance(field, models.DateTimeField):
        return f'extract(epoch FROM "{field.column}")::float8'
    return f'"{field.column}"::text' if isinstance(field, models.JSONField) else f'"{field.column}"'


@cache
def _readings() -> list[tuple[int, Callable[[Any], Any]]]:
    """Return the places of columns that are not read as they are, and what reads them."""
    fields = [Email._meta.get_field(name) for name in _columns()]
    readers: list[tuple[type, Callable[[Any], Any]]] = [
        (models.DateTimeField, _moment),
        (models.JSONField, _document),
    ]
    return [
        (place, read)
        for place, field in enumerate(fields)
        for kind, read in readers
        if isinstance(field, kind)
    ]


def _moment(seconds: float | None) -> datetime | None:
    """To the microsecond: a double has three bits to spare."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _document(text: str) -> Any:
    return [] if text == "[]" else {} if text == "{}" else json.loads(text)


def _attachments(ids: Collection[int]) -> dict[int, list[Attachment]]:
    found: dict[int, list[Attachment]] = defaultdict(list)
    if ids:
        for attachment in Attachment.objects.select_related("upload").filter(email__in=ids):
            found[attachment.email_id].append(attachment)
    return found
