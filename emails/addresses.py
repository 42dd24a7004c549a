"""Read an address as callers write it, into one that is safe and exact on the wire.

Only syntax is judged here. Whether a domain exists, special-use names such as localhost included,
is for the delivery to find out: inside a network they may well be served.
"""

import re
from typing import Final, NamedTuple

import email_validator
import idna

from emails.headers import UnsafeHeader, check_header_text

LOCAL_PART_LIMIT: Final = 64
"""Octets before the @ (RFC 5321 §4.5.3.1.1)."""
ADDRESS_LIMIT: Final = 254
"""Octets in an address: a path of 256 (RFC 5321 §4.5.3.1.3) without its angle brackets."""

email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()  # the library's own way to switch that list off

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_NUMERIC_END = re.compile(r"(?:^|\.)\d+\Z", re.ASCII)


# What most addresses are: nothing in them needs normalising, and no part can be too long.
PLAIN = re.compile(
    r"[A-Za-z0-9]+(?:[._+-][A-Za-z0-9]+)*@(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{2,}", re.ASCII
)
PLAIN_LIMIT: Final = 63  # octets in a label (RFC 1035 §2.3.4), here in all


class InvalidAddress(ValueError):
    """Not an address that mail can be sent to; its text says what to change."""


class Address(NamedTuple):  # of which each mail has several: half of what a dataclass costs
    """A mailbox: `email` as people write it (lower-case U-label domain), and a display name."""

    email: str
    name: str = ""

    @property
    def local_part(self) -> str:
        """What stands before the @, with its case kept: only its host may interpret it."""
        return self.email.rpartition("@")[0]

    @property
    def domain(self) -> str:
        """The domain in lower case as A-labels (RFC 5890 §2.3.2.1), as DNS and SMTP need it."""
        domain = self.email.rpartition("@")[2]
        return domain.lower() if domain.isascii() else idna.encode(domain).decode("ascii")

    @property
    def addr_spec(self) -> str:
        """The address for headers and the envelope: local part as it is, domain as A-labels."""
        return f"{self.local_part}@{self.domain}"

    @property
    def needs_smtputf8(self) -> bool:
        """Whether only servers that offer SMTPUTF8 (RFC 6531) can take it."""
        return not self.local_part.isascii()


def parse_address(text: str) -> Address:
    """Read `ann@example.org`, `Ann <ann@example.org>` or `"Doe, Ann" <ann@example.org>`.

    Names need no quotes and no encoding: `Dr. Ünal, Ayşe <a@example.org>` is taken literally.
    Raises InvalidAddress.
    """
    name, bracket, email = text.strip(" \t").rpartition("<")
    if not bracket or not email.endswith(">"):
        return checked_address(text)
    return checked_address(email[:-1], _unquote(name.strip(" \t")))


def checked_address(email: str, name: str = "") -> Address:
    """Make an Address of a bare address and a display name; raises InvalidAddress.

    The domain comes out in lower case as U-labels, the local part in NFC (RFC 6532 §3.1).
    Quoted local parts and address literals are refused: hardly a mailbox has them, and programs
    differ in how they read them.
    """
    if len(email) > ADDRESS_LIMIT:
        raise InvalidAddress(f"Use an address of at most {ADDRESS_LIMIT} octets.")
    try:
        check_header_text(name)
    except UnsafeHeader as error:
        raise InvalidAddress(f"The name of {_shown(email)} cannot be used. {error}") from error
    if len(email) <= PLAIN_LIMIT and PLAIN.fullmatch(email):
        return Address(email, name)
    try:
        found = email_validator.validate_email(
            email, check_deliverability=False, globally_deliverable=False, test_environment=True
        )
    except email_validator.EmailNotValidError as error:
        raise InvalidAddress(f"Correct the address {_shown(email)}: {error}") from error
    address = Address(found.normalized, name)
    _check_wire_form(address)
    return address


def _check_wire_form(address: Address) -> None:
    if len(address.local_part.encode()) > LOCAL_PART_LIMIT:
        raise InvalidAddress(f"Use at most {LOCAL_PART_LIMIT} octets before the @.")
    if len(address.addr_spec.encode()) > ADDRESS_LIMIT:
        raise InvalidAddress(f"Use an address of at most {ADDRESS_LIMIT} octets.")
    if _NUMERIC_END.search(address.domain):
        raise InvalidAddress("Write a domain name after the @, not an IP address.")


def _unquote(name: str) -> str:
    if found := _QUOTED.fullmatch(name):
        return _ESCAPED.sub(r"\1", found[1])
    if "<" in name or ">" in name:
        raise InvalidAddress("Write one address in <>, and put a name that has < or > in quotes.")
    return name


def _shown(email: str) -> str:
    return f"{email!a:.100}"
