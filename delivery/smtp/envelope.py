"""One mail as a transaction needs it: envelope, wire bytes, and the commands they make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .addresses import EnvelopeAddress
from .data import WireMessage, to_wire
from .extensions import Extensions

MAX_RECIPIENTS = 100
"""What every server must take in one transaction (RFC 5321 §4.5.3.1.8)."""


class InvalidMail(ValueError):
    """No server could take it, and none was asked; `str()` says why."""


class Mail(NamedTuple):
    """`recipients` maps each address, as the caller wrote it, to the form for the envelope."""

    sender: EnvelopeAddress
    recipients: dict[str, EnvelopeAddress]
    wire: WireMessage

    @classmethod
    def prepare(cls, sender: str, recipients: Sequence[str], message: bytes) -> Mail:
        """Check everything that does not depend on the server, before anything is sent.

        Raises InvalidMail for none or more than MAX_RECIPIENTS recipients, an empty one, and
        whatever EnvelopeAddress.parse and to_wire refuse. A recipient named twice counts once.
        """
        try:
            parsed = {address: EnvelopeAddress.parse(address) for address in recipients}
            if not 1 <= len(parsed) <= MAX_RECIPIENTS or "" in parsed:
                raise ValueError(f"1 to {MAX_RECIPIENTS} recipients, none of them empty")
            return cls(EnvelopeAddress.parse(sender), parsed, to_wire(message))
        except ValueError as error:
            raise InvalidMail(str(error)) from error

    def only(self, recipients: Sequence[str]) -> Mail:
        """The same mail to some of its recipients."""
        return self._replace(recipients={each: self.recipients[each] for each in recipients})

    def mail_command(self, offered: Extensions, recipients: Sequence[str]) -> str:
        """MAIL with the parameters that the mail needs and the server offers."""
        parts = [f"MAIL FROM:<{self.sender}>"]
        if offered.sizes:
            parts.append(f"SIZE={self.wire.size}")
        if self.wire.eight_bit and offered.eight_bit_mime:
            parts.append("BODY=8BITMIME")
        if offered.smtputf8 and self._needs_smtputf8(recipients):
            parts.append("SMTPUTF8")
        return " ".join(parts)

    def rcpt_command(self, recipient: str) -> str:
        return f"RCPT TO:<{self.recipients[recipient]}>"

    def _needs_smtputf8(self, recipients: Sequence[str]) -> bool:
        paths = [self.sender, *(self.recipients[recipient] for recipient in recipients)]
        return self.wire.utf8_headers or any(path.needs_smtputf8 for path in paths)
