"""Content as lines of 7-bit text: as it is, quoted-printable or base64 (RFC 2045 §6)."""

import re
from binascii import b2a_base64, b2a_qp
from typing import Final

LINE: Final = 76
"""Characters in an encoded line, without CRLF (RFC 2045 §6.7 and §6.8)."""

MAX_LINE: Final = 998
"""Octets in a line of any message, without CRLF (RFC 5322 §2.1.1)."""

_SEPARATOR = b"--=_"  # what every boundary of ours begins with, and no encoded line can
_PRINTABLE = bytes(range(32, 127)) + b"\t\r\n"
_QP_LITERAL = _PRINTABLE.replace(b"=", b"")
_LONE_DOT = re.compile(rb"(?m)^\.\r$")
_OVERLONG = re.compile(rb"(?m)^(.{74})(=20|=09)\r$")


def encode_text(text: str) -> tuple[str, bytes]:
    """Encode a body in UTF-8; returns the Content-Transfer-Encoding and its lines.

    Line ends of every kind become CRLF, and a missing one at the end is added (as SMTP would).
    ASCII in short lines goes as it is, which costs nothing and is what a reader of the source
    sees; else base64 where quoted-printable would be longer. Raises UnicodeEncodeError for lone
    surrogates.
    """
    content = canonical(text)
    if _may_go_as_it_is(content):
        return "7bit", content
    escaped = len(content.translate(None, _QP_LITERAL))
    if 2 * escaped > len(content) / 3:
        return "base64", base64_lines(content)
    return "quoted-printable", quoted_printable(content)


def _may_go_as_it_is(content: bytes) -> bool:
    """Whether no server on the way changes anything (RFC 2045 §2.7).

    White space at the end of a line may be lost, mailbox files change `From ` at its start, and
    broken servers end at a lone dot. Nor may a line look like a boundary.
    """
    if content.translate(None, _PRINTABLE):
        return False
    lines = content.split(b"\n")  # each ends with CR; to look for both takes ten times as long
    width = len(_SEPARATOR)
    starts = {line[:width] for line in lines}
    return (
        max(map(len, lines)) <= MAX_LINE + len(b"\r")
        and {line[-2:-1] for line in lines}.isdisjoint((b" ", b"\t"))
        and starts.isdisjoint((_SEPARATOR, b".\r"))
        and not (b"From" in starts and any(line.startswith(b"From ") for line in lines))
    )


def canonical(text: str) -> bytes:
    """The text in UTF-8 with CRLF at the end of each line, the last one included."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.endswith("\n"):
        text += "\n"
    return text.replace("\n", "\r\n").encode()


def base64_lines(content: bytes) -> bytes:
    """Any octets, kept exactly."""
    whole = b2a_base64(content, newline=False)
    return b"".join([whole[at : at + LINE] + b"\r\n" for at in range(0, len(whole), LINE)])


def quoted_printable(content: bytes) -> bytes:
    """Canonical text; no line begins with `From `, which mailbox files would change.

    `b2a_qp` takes its line end from the first one of the content, escapes white space at the end
    of a line only after it counted the columns, and so writes some lines of 77. A dot that a soft
    line break leaves alone it does not see; one that stands alone in the content it escapes.
    """
    lines = b2a_qp(content, istext=True)
    if b"From " in lines:
        lines = (b"\r\n" + lines).replace(b"\r\nFrom ", b"\r\nFrom=\r\n ")[2:]
    if b"=20\r\n" in lines or b"=09\r\n" in lines:
        lines = _OVERLONG.sub(rb"\1=\r\n\2\r", lines)
    if b"\n.\r\n" in lines:
        lines = _LONE_DOT.sub(rb"=2E\r", lines)
    return lines
