"""Whose mail a complaint encloses, by what we signed in it, or by our Message-ID."""

from __future__ import annotations

import re

from delivery.return_paths import recipient_of
from delivery.smtp.reports import Report
from emails.models import Email, Recipient
from tracking.marking import keyring
from tracking.tokens import BadToken

MOST_LINKS = 20
_OURS = re.compile(r"<(msg_[A-Za-z0-9]{1,28})@[^<>\s]+>")
_LINK = re.compile(rb"/t/[a-z]/([A-Za-z0-9_-]{20,4000})")  # at any host: senders have their own
_SOFT_BREAK = re.compile(rb"=\r?\n")  # of quoted-printable, within a link


def recipient_of_original(report: Report, content: bytes) -> Recipient | None:
    """Return the recipient, None where it is not certain who it is.

    Return path and links of ours (List-Unsubscribe, tracked links) are signed, and those of one
    recipient each. A Message-ID is not, but nobody guesses its 82 random bits. It names an email:
    of several recipients each knows it, and must not complain in the name of another.
    """
    recipient_id = recipient_of(report.original.return_path.rpartition("@")[0])
    if recipient_id is None:
        recipient_id = _linked(content)
    if recipient_id is not None:
        return Recipient.objects.filter(pk=recipient_id).first()
    return _by_message_id(report)


def _linked(content: bytes) -> int | None:
    """Return the recipient whose links stand in the mail: their tokens show that they are ours."""
    links = _LINK.finditer(_SOFT_BREAK.sub(b"", content))
    for link, _ in zip(links, range(MOST_LINKS), strict=False):
        try:
            return keyring().read(link[1].decode()).recipient_id
        except BadToken:
            continue
    return None


def _by_message_id(report: Report) -> Recipient | None:
    found = _OURS.fullmatch(report.original.message_id)
    email = found and Email.objects.filter(public_id=found[1]).first()
    if not email or email.rfc_message_id != report.original.message_id:
        return None
    recipients = list(email.recipients.all()[:2])
    return recipients[0] if len(recipients) == 1 else None
