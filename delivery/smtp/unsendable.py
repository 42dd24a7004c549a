"""What a server cannot take, known from what it offers: it is not even asked."""

from __future__ import annotations

from .attempt import Attempt
from .envelope import Mail
from .extensions import Extensions
from .outcome import Outcome, Phase


def unsendable(mail: Mail, offered: Extensions, attempt: Attempt) -> dict[str, Outcome]:
    """The recipients that this mail cannot reach over this server, each with its outcome."""
    if reason := _of_mail(mail, offered):
        return dict.fromkeys(mail.recipients, attempt.unsendable(*reason, Phase.MAIL))
    reason = "5.6.7", "recipient's address is not ASCII, the server has no SMTPUTF8"
    return {
        address: attempt.unsendable(*reason, Phase.RCPT)
        for address, path in mail.recipients.items()
        if path.needs_smtputf8 and not offered.smtputf8
    }


def _of_mail(mail: Mail, offered: Extensions) -> tuple[str, str] | None:
    """Status and reason, where no recipient can get it."""
    wire = mail.wire
    if offered.size is not None and wire.size > offered.size:
        return "5.3.4", f"message of {wire.size} bytes, the server takes {offered.size}"
    if wire.eight_bit and not offered.eight_bit_mime:
        return "5.6.3", "message holds 8-bit data, the server takes 7-bit only"
    if mail.sender.needs_smtputf8 and not offered.smtputf8:
        return "5.6.7", "sender's address is not ASCII, the server has no SMTPUTF8"
    if wire.utf8_headers and not offered.smtputf8:
        return "5.6.9", "header is not ASCII, the server has no SMTPUTF8"
    return None
