"""Which header fields a signature covers, and how a message is read for it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from ..data import line_ends
from .canonical import relaxed_field

Field = tuple[bytes, bytes]
"""Name (with the white space that may precede the colon) and folded value, without its CRLF."""

ALWAYS = ("From", "Subject", "To", "Date")
"""Covered even where absent: nothing that a reader takes for the sender's may be put on top."""

WHERE_PRESENT = (
    "Cc",
    "Reply-To",
    "Sender",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "List-Id",
    "List-Help",
    "List-Subscribe",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "List-Post",
    "List-Owner",
    "List-Archive",
    "Feedback-ID",
)
"""RFC 6376 §5.4.1, RFC 8058 §4, RFC 2045. Who passes a message on may rightly add one of these."""

_KEYS = {name: name.lower().encode() for name in ALWAYS + WHERE_PRESENT}
_FIELD_END = re.compile(rb"\r\n(?![ \t])")
_NAME = re.compile(rb"[!-9;-~]+[ \t]*")  # WSP before the colon: RFC 5322 §4.5


@dataclass(frozen=True, slots=True)
class Coverage:
    """The names for h=, in order, and the relaxed fields that they select, each with its CRLF."""

    names: list[str]
    hashed: bytes


def split_message(message: bytes) -> tuple[list[Field], bytes]:
    """Return header fields and body.

    Raises ValueError for a bare CR or LF, on which servers disagree (RFC 6376 §5.3), and for a
    header that is not made of fields.
    """
    if not line_ends(message) <= {"\r\n"}:
        raise ValueError("a message with a bare CR or LF can't be signed (RFC 6376 §5.3)")
    header, _, body = message.partition(b"\r\n\r\n")
    return [_field(line) for line in _FIELD_END.split(header.removesuffix(b"\r\n"))], body


def _field(line: bytes) -> Field:
    name, colon, value = line.partition(b":")
    if not colon or not _NAME.fullmatch(name):
        raise ValueError(f"not a header field (RFC 5322 §2.2): {line[:60]!r}")
    return name, value


def cover(fields: Iterable[Field]) -> Coverage:
    """Choose what is signed: every instance from the bottom up, and one more that is not there.

    The one more makes an added field break the signature (RFC 6376 §5.4.2). Raises ValueError for
    a message without From (§5.4).
    """
    values: dict[bytes, list[bytes]] = defaultdict(list)
    for written, value in fields:
        values[written.rstrip(b" \t").lower()].append(value)
    if not values[b"from"]:
        raise ValueError("a message without From can't be signed (RFC 6376 §5.4)")
    names, hashed = [], []
    for name, key in _KEYS.items():
        found = values.get(key, [])
        if found or name in ALWAYS:
            names += [name] * (len(found) + 1)
            hashed += [relaxed_field(key, value) + b"\r\n" for value in reversed(found)]
    return Coverage(names, b"".join(hashed))
