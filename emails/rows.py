"""The rows that a submission becomes, not saved yet."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from emails.addresses import Address
from emails.insertion import new_row
from emails.models import Attachment, Email, Recipient, Status, new_public_id
from emails.models.recipient import Kind
from emails.submission import AttachedFile, Submission
from uploads.models import Upload


def email_row(submission: Submission) -> Email:
    """Return the email, with the ids and times that it keeps."""
    public_id = new_public_id()
    now = timezone.now()
    begins = max(now, submission.scheduled_at or now)
    later = submission.scheduled_at if begins > now else None
    life = timedelta(seconds=submission.expires_in or settings.RETRY_FOR_SECONDS)
    version = submission.template_version
    values = {
        "project_id": submission.project.pk,
        "public_id": public_id,
        "created_at": now,
        "from_email": submission.sender.email,
        "from_name": submission.sender.name,
        "reply_to": _written(submission.reply_to),
        "to": _written(submission.to),
        "cc": _written(submission.cc),
        "bcc": _written(_hidden(submission)),
        "subject": submission.subject or "",
        "html_body": submission.html_body or "",
        "text_body": submission.text_body or "",
        "template_version_id": version.pk if version else None,
        "variables": dict(submission.variables),
        "headers": dict(submission.headers),
        "tags": list(submission.tags),
        "metadata": dict(submission.metadata),
        "rfc_message_id": submission.message_id or f"<{public_id}@{submission.sender.domain}>",
        "track_opens": submission.track_opens,
        "track_clicks": submission.track_clicks,
        "scheduled_at": later,
        "expires_at": begins + life,
    }
    email = new_row(Email, values)
    if version:
        email.template_version = version  # it is at hand, and rendering asks for it
    return email


def _written(addresses: tuple[Address, ...]) -> list[dict[str, str]]:
    return [{"email": address.email, "name": address.name} for address in addresses]


def envelope(submission: Submission) -> dict[str, tuple[Kind, Address]]:
    """Return each person once, by address: who stands in To and Cc gets one copy."""
    people: dict[str, tuple[Kind, Address]] = {}
    for kind, addresses in (
        (Kind.TO, submission.to),
        (Kind.CC, submission.cc),
        (Kind.BCC, submission.bcc),
    ):
        for address in addresses:
            people.setdefault(address.email, (kind, address))
    if submission.envelope is None:
        return people
    return {
        address.email: people.get(address.email, (Kind.BCC, address))
        for address in submission.envelope
    }


def _hidden(submission: Submission) -> tuple[Address, ...]:
    """Return who gets it without standing in a header."""
    if submission.envelope is None:
        return submission.bcc
    people = envelope(submission).values()
    return tuple(address for kind, address in people if kind == Kind.BCC)


def recipient_rows(
    submission: Submission, email: Email, now: datetime | None = None
) -> Iterator[Recipient]:
    """Yield one row for each person, due `now` at the latest, unless it is scheduled.

    So a clock of ours that is ahead of the database's, by which it is claimed, makes no mail wait.
    """
    created_at = email.created_at if now is None else min(email.created_at, now)
    for kind, address in envelope(submission).values():
        values = {
            "project_id": submission.project.pk,
            "email_id": email.pk,
            "kind": kind,
            "address": address.email,
            "domain": address.domain,
            "status": Status.SCHEDULED if email.scheduled_at else Status.QUEUED,
            "next_attempt_at": email.scheduled_at or created_at,
            "attempts": 0,
            "priority": submission.priority,
            "lease_token": None,
            "ambiguous": False,
        }
        yield new_row(Recipient, values)


def attachment_row(email: Email, file: AttachedFile, upload: Upload) -> Attachment:
    """Return the row that ties an upload to the email."""
    return Attachment(
        email=email,
        upload=upload,
        name=file.name,
        content_type=file.content_type or upload.content_type,
        content_id=file.content_id,
        disposition=_disposition(file),
    )


def _disposition(file: AttachedFile) -> Attachment.Disposition:
    if file.is_body:
        return Attachment.Disposition.BODY
    if file.content_id:
        return Attachment.Disposition.INLINE
    return Attachment.Disposition.ATTACHMENT
