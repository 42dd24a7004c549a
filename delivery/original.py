"""Whose mail a complaint encloses, by our signed return path or by our Message-ID."""

from __future__ import annotations

import re

from delivery.return_paths import recipient_of
from delivery.smtp.reports import Report
from emails.models import Email, Recipient

_OURS = re.compile(r"<(msg_[A-Za-z0-9]{1,28})@[^<>\s]+>")


def recipient_of_original(report: Report) -> Recipient | None:
    """Return the recipient, None where it is not certain who it is.

    A return path is signed. A Message-ID is not, but nobody guesses its 82 random bits; it names an
    email, so that with several recipients the report must name one of them.
    """
    local_part = report.original.return_path.rpartition("@")[0]
    recipient_id = recipient_of(local_part)
    if recipient_id is not None:
        return Recipient.objects.filter(pk=recipient_id).first()
    return _by_message_id(report)


def _by_message_id(report: Report) -> Recipient | None:
    found = _OURS.fullmatch(report.original.message_id)
    email = found and Email.objects.filter(public_id=found[1]).first()
    if not email or email.rfc_message_id != report.original.message_id:
        return None
    recipients = list(email.recipients.all()[:1000])
    if len(recipients) == 1:
        return recipients[0]
    named = {report.recipient.lower(), report.original.to.lower()}
    return next((row for row in recipients if row.address.lower() in named), None)
