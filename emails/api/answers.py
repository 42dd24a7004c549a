"""What the API says about emails."""

from collections.abc import Set
from typing import Any

from emails.models import Attachment, Email, EmailEvent, Recipient
from emails.models.recipient import FINAL


def accepted(email: Email) -> dict[str, Any]:
    """Return the answer to a submission, as the specification fixes it."""
    return {
        "message_id": email.public_id,
        "status": "scheduled" if email.scheduled_at else "queued",
    }


def corrected(answer: dict[str, Any], to_nobody: Set[str]) -> dict[str, Any]:
    """Return the answer to a submission, by the ids of those that go to nobody."""
    suppressed = answer.get("message_id") in to_nobody
    return answer | {"status": "suppressed"} if suppressed else answer


def email_detail(email: Email) -> dict[str, Any]:
    """Return the email, its recipients with their status, and its events in order."""
    recipients = list(email.recipients.all())
    address_of = {recipient.pk: recipient.address for recipient in recipients}
    version = email.template_version
    return {
        "message_id": email.public_id,
        "status": email.status,
        "created_at": email.created_at,
        "scheduled_at": email.scheduled_at,
        "expires_at": email.expires_at,
        "from": {"email": email.from_email, "name": email.from_name},
        "to": email.to,
        "cc": email.cc,
        "bcc": email.bcc,
        "reply_to": email.reply_to,
        "subject": email.subject,
        "template_id": version.template_id if version else None,
        "template_version": version.number if version else None,
        "tags": email.tags,
        "metadata": email.metadata,
        "attachments": [_attachment(item) for item in email.attachments.all()],
        "recipients": [_recipient(recipient) for recipient in recipients],
        "events": [
            _event(event, address_of.get(event.recipient_id or 0, ""))
            for event in email.events.all()
        ],
    }


def _attachment(item: Attachment) -> dict[str, Any]:
    return {
        "filename": item.name,
        "content_type": item.content_type,
        "content_id": item.content_id or None,
        "size": item.upload.size,
    }


def _recipient(recipient: Recipient) -> dict[str, Any]:
    final = recipient.status in FINAL
    return {
        "email": recipient.address,
        "kind": recipient.kind,
        "status": recipient.status,
        "attempts": recipient.attempts,
        "next_attempt_at": None if final else recipient.next_attempt_at,
    }


def _event(event: EmailEvent, address: str) -> dict[str, Any]:
    return {
        "type": event.type,
        "timestamp": event.timestamp,
        "recipient": address,
        "data": event.data,
    }
