"""A message as bytes on the wire: the mail data of RFC 5321 §4.1.1.4."""

from __future__ import annotations

import io
import re
from typing import NamedTuple

END_OF_DATA = b".\r\n"
"""Ends the mail data, which itself ends with CRLF or is empty."""

MAX_LINE = 998
"""Bytes in a line without its CRLF (RFC 5322 §2.1.1, RFC 5321 §4.5.3.1.6)."""

_ANY_LINE_END = re.compile(rb"\r\n|\r|\n")
_LEADING_DOT = re.compile(rb"\n\.")


class WireMessage(NamedTuple):
    """A message with CRLF line ends, as BDAT carries it.

    `eight_bit`: it needs 8BITMIME. `utf8_headers`: its header holds bytes that need SMTPUTF8
    (RFC 6532).
    """

    content: bytes
    eight_bit: bool
    utf8_headers: bool

    @property
    def size(self) -> int:
        """What SIZE counts: the bytes before stuffing (RFC 1870 §3)."""
        return len(self.content)

    @property
    def data(self) -> bytes:
        """The content for DATA: each leading dot doubled (RFC 5321 §4.5.2), no END_OF_DATA."""
        stuffed = _LEADING_DOT.sub(b"\n..", self.content)
        return b"." + stuffed if stuffed.startswith(b".") else stuffed


def to_wire(message: bytes) -> WireMessage:
    """Prepare a message for the wire.

    A message with CRLF line ends keeps every byte. A bare CR or LF becomes CRLF, since servers
    disagree on what those end (the door of SMTP smuggling), and a missing line end is added.
    Raises ValueError for a NUL and for a line over MAX_LINE bytes.
    """
    content = _with_crlf(message)
    if b"\0" in content:
        raise ValueError("a message may not hold a NUL (RFC 5321 §4.5.2)")
    _refuse_long_lines(content)
    eight_bit = not content.isascii()
    return WireMessage(content, eight_bit, eight_bit and not _header(content).isascii())


def _with_crlf(message: bytes) -> bytes:
    if not line_ends(message) <= {"\r\n"}:
        message = _ANY_LINE_END.sub(b"\r\n", message)
    if message and not message.endswith(b"\r\n"):
        message += b"\r\n"
    return message


def line_ends(message: bytes) -> set[str]:
    """Return the kinds of line end in it, found by the decoder of text files: one fast pass."""
    decoder = io.IncrementalNewlineDecoder(None, translate=False)
    decoder.decode(message.decode("latin-1"), final=True)
    found = decoder.newlines or ()
    return {found} if isinstance(found, str) else set(found)


def _refuse_long_lines(content: bytes) -> None:
    """Leap from line end to line end, each time to the last one that a longest line may have."""
    start, reach = 0, MAX_LINE + len(b"\r\n")
    while len(content) - start > reach:
        end = content.rfind(b"\n", start, start + reach)  # one byte is found faster than two
        if end < 0:
            longest = max(map(len, content.split(b"\r\n")))
            raise ValueError(f"a line of {longest} bytes; {MAX_LINE} are allowed (RFC 5322 §2.1.1)")
        start = end + 1


def _header(content: bytes) -> bytes:
    return content.partition(b"\r\n\r\n")[0]
