"""The door in: checks a submission and makes it rows. After the commit it can't be lost."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.errors import ApiError, InvalidRequest, Unavailable
from emails import doorbell, events
from emails.addresses import Address
from emails.models import Attachment, Email, Recipient, Status, new_public_id
from emails.models.recipient import Kind
from emails.rendering import MissingVariables, RenderFailed, render
from emails.submission import AttachedFile, Submission
from uploads.models import Upload
from uploads.store import EmptyFile, store

logger = logging.getLogger(__name__)


def accept(submission: Submission) -> Email:
    """Return the saved email. ApiError with what to do when it can't be sent as it is.

    When this returns outside of a transaction, the email is committed and the bell was rung.
    """
    _check_limits(submission)
    email = _email(submission)
    email.subject = _subject(email)  # what staff and callers see, the template's filled in
    uploads = [  # before the transaction, which may not wait for a network
        _uploaded(index, file, submission) for index, file in enumerate(submission.attachments)
    ]
    with transaction.atomic():
        email.save(force_insert=True)
        recipients = Recipient.objects.bulk_create(_recipients(submission, email))
        Attachment.objects.bulk_create(
            _attachment(email, file, upload)
            for file, upload in zip(submission.attachments, uploads, strict=True)
        )
        events.accepted(recipients)
        transaction.on_commit(doorbell.ring)
    logger.info("accepted", extra={"message_id": email.public_id, "recipients": len(recipients)})
    return email


def _check_limits(submission: Submission) -> None:
    people = {*_envelope(submission)}
    if len(people) > settings.MAX_RECIPIENTS:
        raise InvalidRequest(
            {
                "to_email": [
                    f"An email has at most {settings.MAX_RECIPIENTS} recipients (MAX_RECIPIENTS), "
                    f"To, Cc and Bcc together; this has {len(people)}. Send several emails."
                ]
            }
        )
    size = _size(submission)
    if size > settings.MAX_MESSAGE_BYTES:
        raise ApiError(
            413,
            "too_large",
            f"The message would have {size} bytes, more than the {settings.MAX_MESSAGE_BYTES} "
            "that MAX_MESSAGE_BYTES allows. Link to large files instead of attaching them.",
            {"attachments" if submission.attachments else "html_body": ["Too large."]},
        )


def _size(submission: Submission) -> int:
    """Estimate the message on the wire: base64 makes four bytes of three, and breaks lines."""
    bodies = (submission.html_body or "", submission.text_body or "")
    attached = sum(file.size for file in submission.attachments)
    return sum(len(body.encode()) for body in bodies) + attached * 4 // 3 * 78 // 76


def _subject(email: Email) -> str:
    """Render a template as delivery will, so that what it can't make is refused now."""
    if email.template_version is None:  # bodies as they came always render, but at a cost
        return email.subject
    try:
        return render(email).subject
    except MissingVariables as missing:
        raise InvalidRequest(
            {f"variables.{name}": ["The template needs this."] for name in missing.names},
            422,
            "missing_variables",
        ) from None
    except RenderFailed as failure:
        raise ApiError(
            422,
            "template_failed",
            f"The template can't be rendered with these variables: {failure}. Nothing was sent.",
            {"variables": [str(failure)]},
        ) from None


def _uploaded(index: int, file: AttachedFile, submission: Submission) -> Upload:
    """Return the upload of an attachment; what came with the request becomes a private one."""
    if file.upload:
        return file.upload
    content = BytesIO(file.content)
    try:
        return store(
            submission.project,
            content,
            file.name,
            private=True,
            max_bytes=settings.MAX_MESSAGE_BYTES,
        )
    except EmptyFile as error:
        raise InvalidRequest({f"attachments.{index}.content": [str(error)]}) from None
    except OSError as error:
        logger.error("attachments can't be stored: %s", error)
        raise Unavailable(
            "The attachments can't be stored now. Nothing was accepted: send it again."
        ) from None


def _email(submission: Submission) -> Email:
    public_id = new_public_id()
    now = timezone.now()
    begins = max(now, submission.scheduled_at or now)
    later = submission.scheduled_at if begins > now else None
    life = timedelta(seconds=submission.expires_in or settings.RETRY_FOR_SECONDS)
    return Email(
        project=submission.project,
        public_id=public_id,
        created_at=now,
        from_email=submission.sender.email,
        from_name=submission.sender.name,
        reply_to=_written(submission.reply_to),
        to=_written(submission.to),
        cc=_written(submission.cc),
        bcc=_written(submission.bcc),
        subject=submission.subject or "",
        html_body=submission.html_body or "",
        text_body=submission.text_body or "",
        template_version=submission.template_version,
        variables=dict(submission.variables),
        headers=dict(submission.headers),
        tags=list(submission.tags),
        metadata=dict(submission.metadata),
        rfc_message_id=f"<{public_id}@{submission.sender.domain}>",
        track_opens=submission.track_opens,
        track_clicks=submission.track_clicks,
        scheduled_at=later,
        expires_at=begins + life,
    )


def _written(addresses: tuple[Address, ...]) -> list[dict[str, str]]:
    return [{"email": address.email, "name": address.name} for address in addresses]


def _envelope(submission: Submission) -> dict[str, tuple[Kind, Address]]:
    """Return each person once, by address: who stands in To and Cc gets one copy."""
    people: dict[str, tuple[Kind, Address]] = {}
    for kind, addresses in (
        (Kind.TO, submission.to),
        (Kind.CC, submission.cc),
        (Kind.BCC, submission.bcc),
    ):
        for address in addresses:
            people.setdefault(address.email, (kind, address))
    return people


def _recipients(submission: Submission, email: Email) -> Iterator[Recipient]:
    for kind, address in _envelope(submission).values():
        yield Recipient(
            project=submission.project,
            email=email,
            kind=kind,
            address=address.email,
            domain=address.domain,
            status=Status.SCHEDULED if email.scheduled_at else Status.QUEUED,
            next_attempt_at=email.scheduled_at or email.created_at,
            priority=submission.priority,
        )


def _attachment(email: Email, file: AttachedFile, upload: Upload) -> Attachment:
    inline = Attachment.Disposition.INLINE if file.content_id else None
    return Attachment(
        email=email,
        upload=upload,
        name=file.name,
        content_type=file.content_type or upload.content_type,
        content_id=file.content_id,
        disposition=inline or Attachment.Disposition.ATTACHMENT,
    )
