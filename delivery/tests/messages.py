"""Drafts to assemble, and the standard library as their reader."""

import email
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default as READER
from email.utils import getaddresses

from delivery.mime import Draft, Part
from emails.addresses import Address

ANN = Address("ann@example.org", "Ann Lee")
BOB = Address("bob@example.net", "Bob")
LOGO = Part("logo.png", "image/png", b"\x89PNG", "logo", "inline")
FILE = Part("a.pdf", "application/pdf", b"%PDF")


def draft(**fields):
    defaults = {
        "from_": ANN,
        "to": (BOB,),
        "subject": "Hello",
        "html": None,
        "text": "Hi\n",
        "message_id": "<1@example.org>",
        "date": datetime(2025, 3, 1, 12, 30, tzinfo=UTC),
    }
    return Draft(**defaults | fields)


def read(message: bytes) -> EmailMessage:
    parsed = email.message_from_bytes(message, policy=READER)
    assert isinstance(parsed, EmailMessage)
    for part in parsed.walk():
        assert part.defects == []
    return parsed


def lines_of(message: bytes) -> list[bytes]:
    assert message.endswith(b"\r\n")
    lines = message.split(b"\r\n")
    assert not any(b"\r" in line or b"\n" in line or b"\0" in line for line in lines)
    return lines


def assert_fit_for_smtp(message: bytes, longest=998) -> None:
    """Only CRLF, 7 bit, no line too long, none in the header that folding left empty."""
    assert message.isascii()
    lines = lines_of(message)
    assert max(map(len, lines)) <= longest
    assert all(line.strip() for line in lines[: lines.index(b"")])


def header_text(message: bytes, name: str) -> str:
    return str(read(message)[name])


def read_addresses(message: bytes, field: str) -> tuple[Address, ...]:
    """By the older API of the library: the newer one leaves spaces between encoded words."""
    unfolded = email.message_from_bytes(message)[field].replace("\r\n", "")
    return tuple(
        Address(addr_spec, str(make_header(decode_header(name))))
        for name, addr_spec in getaddresses([unfolded])
    )


def content(part) -> str:
    return part.get_payload(decode=True).decode("utf-8")


def as_documented(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return (text if text.endswith("\n") else text + "\n").replace("\n", "\r\n")


def passes(check, value) -> bool:
    try:
        check(value)
    except ValueError:
        return False
    return True
