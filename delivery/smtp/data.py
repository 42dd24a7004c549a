"""A message as bytes on the wire: the mail data of RFC 5321 §4.1.1.4."""

from __future__ import annotations

import re
from dataclasses import dataclass

END_OF_DATA = b".\r\n"
"""Ends the mail data, which itself ends with CRLF or is empty."""

MAX_LINE = 998
"""Bytes in a line without its CRLF (RFC 5322 §2.1.1, RFC 5321 §4.5.3.1.6)."""

_ANY_LINE_END = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class WireMessage:
    """Dot-stuffed mail data, without END_OF_DATA.

    `size` counts the message before stuffing (RFC 1870 §3). `eight_bit`: it needs 8BITMIME.
    `utf8_headers`: its header holds bytes that need SMTPUTF8 (RFC 6532).
    """

    data: bytes
    size: int
    eight_bit: bool
    utf8_headers: bool


def to_wire(message: bytes) -> WireMessage:
    """Prepare a message for DATA.

    A message with CRLF line ends keeps every byte, but for the stuffing. A bare CR or LF becomes
    CRLF, since servers disagree on what those end (the door of SMTP smuggling), and a missing
    line end is added. Raises ValueError for a NUL and for a line over MAX_LINE bytes.
    """
    canonical = _with_crlf(message)
    if b"\0" in canonical:
        raise ValueError("a message may not hold a NUL (RFC 5321 §4.5.2)")
    _refuse_long_lines(canonical)
    header = canonical.partition(b"\r\n\r\n")[0]
    return WireMessage(
        data=_stuff(canonical),
        size=len(canonical),
        eight_bit=not canonical.isascii(),
        utf8_headers=not header.isascii(),
    )


def _with_crlf(message: bytes) -> bytes:
    pairs = message.count(b"\r\n")
    if not pairs == message.count(b"\r") == message.count(b"\n"):
        message = _ANY_LINE_END.sub(b"\r\n", message)
    if message and not message.endswith(b"\r\n"):
        message += b"\r\n"
    return message


def _refuse_long_lines(canonical: bytes) -> None:
    longest = max(map(len, canonical.split(b"\r\n")))
    if longest > MAX_LINE:
        raise ValueError(f"a line of {longest} bytes; {MAX_LINE} are allowed (RFC 5322 §2.1.1)")


def _stuff(canonical: bytes) -> bytes:
    """Double each leading dot (RFC 5321 §4.5.2)."""
    stuffed = canonical.replace(b"\r\n.", b"\r\n..")
    return b"." + stuffed if stuffed.startswith(b".") else stuffed
