"""Addresses as they stand in MAIL and RCPT (RFC 5321 §4.1.2, RFC 6531 §3.3)."""

from __future__ import annotations

import re
from typing import NamedTuple

import idna

_ATOMS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_BREAKING = re.compile("[ <>]")
_LITERAL = re.compile(r"\[[A-Za-z0-9.:-]+\]")


class EnvelopeAddress(NamedTuple):
    """One mailbox, or the null sender; `str()` is the path between the angle brackets.

    The domain is in A-labels, so that only the local part can need SMTPUTF8.
    """

    local_part: str
    domain: str

    @classmethod
    def parse(cls, address: str) -> EnvelopeAddress:
        """Read `local@domain`; the empty string is the null sender (RFC 5321 §4.5.5).

        Raises ValueError for what cannot stand in a command: control characters, spaces, angle
        brackets and line separators anywhere (quoted too), a malformed local part or domain.
        """
        if not address:
            return cls("", "")
        _refuse_injection(address)
        local_part, at, domain = address.rpartition("@")
        if not at or not (_ATOMS.fullmatch(local_part) or _QUOTED.fullmatch(local_part)):
            raise ValueError(f"not an envelope address: {address!r}")
        return cls(local_part, to_ascii_domain(domain))

    @property
    def needs_smtputf8(self) -> bool:
        return not self.local_part.isascii()

    def __str__(self) -> str:
        return f"{self.local_part}@{self.domain}" if self.domain else ""


def to_ascii_domain(domain: str) -> str:
    """A domain in A-labels (IDNA 2008 after the mapping of UTS 46); ASCII stays as it is.

    Address literals pass. Raises ValueError (idna.IDNAError is one) for anything else.
    """
    if not domain.isascii():
        domain = idna.encode(domain, uts46=True).decode("ascii")
    if not (_DOMAIN.fullmatch(domain) or _LITERAL.fullmatch(domain)):
        raise ValueError(f"not a domain: {domain!r}")
    return domain


def _refuse_injection(address: str) -> None:
    # isprintable() is false for controls, separators other than space, and lone surrogates.
    if not address.isprintable() or _BREAKING.search(address):
        raise ValueError(f"character that may not stand in an SMTP command: {address!r}")
