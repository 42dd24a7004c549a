"""What delivery needs of emails: read for many at once, without what only people look at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models.functions import Now

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


BESIDE = ("seconds_left", "template_version", "attachments")  # what is no column
COLUMNS = [name for name in Outgoing._fields if name not in BESIDE]
EXPIRES_AT = COLUMNS.index("expires_at")


def load(ids: Collection[int]) -> dict[int, Outgoing]:
    """Return the emails that (still) exist, by id."""
    emails = Email.objects.filter(pk__in=ids)
    rows: list[Any] = list(emails.values_list(*COLUMNS, Now(), "template_version_id"))
    versions = TemplateVersion.objects.in_bulk({row[-1] for row in rows if row[-1]})
    attachments = _attachments(ids)
    found: dict[int, Outgoing] = {}
    for *values, now, version_id in rows:
        values.append((values[EXPIRES_AT] - now).total_seconds())
        values += [versions.get(version_id), attachments.get(values[0], ())]
        found[values[0]] = Outgoing(*values)
    return found


def _attachments(ids: Collection[int]) -> dict[int, list[Attachment]]:
    found: dict[int, list[Attachment]] = defaultdict(list)
    for attachment in Attachment.objects.select_related("upload").filter(email__in=ids):
        found[attachment.email_id].append(attachment)
    return found
