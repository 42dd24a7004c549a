"""Where the parts of a MIME body lie in its bytes, so that one can be read or replaced alone.

The standard library's parser keeps no positions, and its writer may write what it read in another
way, which a signature over the part does not survive.
"""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, a2b_qp
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser
from typing import Final

MAX_DEPTH: Final = 20
MAX_PARTS: Final = 1_000
MAX_PARAMETERS: Final = 200
"""In one field: the standard library reads them in time of their number squared."""

_HEADERS = Parser()
# Possessive: white space may be of both halves, and to try each way takes for ever.
_BASE64 = re.compile(rb"[A-Za-z0-9+/\s]*+[=\s]*+")


class MalformedMime(ValueError):
    """The structure can't be followed; its text says why."""


@dataclass(frozen=True, slots=True)
class Entity:
    """A header and a body (RFC 2045 §2.4), as a span of the bytes that it was found in."""

    source: bytes
    start: int
    body_start: int
    end: int
    header: Message
    children: tuple[Entity, ...]

    @property
    def media_type(self) -> str:
        """The media type in lower case; text/plain where none is written (RFC 2045 §5.2)."""
        return self.header.get_content_type()

    @property
    def body(self) -> bytes:
        """The body as it is on the wire, without the line end before a delimiter."""
        return self.source[self.body_start : self.end]

    @property
    def encoding(self) -> str:
        """The Content-Transfer-Encoding in lower case; 7bit where none is written."""
        return str(self.header.get("Content-Transfer-Encoding", "7bit")).strip().lower()

    @property
    def decoded(self) -> bytes:
        """The body without its encoding. Raises MalformedMime where it is not in it."""
        if self.encoding == "quoted-printable":
            return a2b_qp(self.body)
        if self.encoding == "base64":
            return _from_base64(self.body)
        return self.body

    def walk(self) -> Iterator[Entity]:
        """Yield this entity and all within, in their order."""
        yield self
        for child in self.children:
            yield from child.walk()


def parse_entity(source: bytes) -> Entity:
    """Find the parts of an entity with CRLF line ends.

    Messages within are leaves. Raises MalformedMime for a multipart without a boundary or without
    its parts, for nesting deeper than MAX_DEPTH, and for more than MAX_PARTS or MAX_PARAMETERS.
    """
    entity = _entity(source, 0, len(source), 0, "text/plain")
    if sum(1 for _ in entity.walk()) > MAX_PARTS:
        raise MalformedMime(f"the message has more than {MAX_PARTS} parts")
    return entity


def _entity(source: bytes, start: int, end: int, depth: int, default: str) -> Entity:
    if depth > MAX_DEPTH:
        raise MalformedMime(f"parts are nested deeper than {MAX_DEPTH} levels")
    body_start = _body_start(source, start, end)
    header = _HEADERS.parsestr(as_text(source[start:body_start]), headersonly=True)
    header.set_default_type(default)
    _check_parameters(header)
    children: tuple[Entity, ...] = ()
    if header.get_content_maintype() == "multipart":
        spans = _spans(source, body_start, end, header)
        is_digest = header.get_content_type() == "multipart/digest"  # RFC 2046 §5.1.5
        within = "message/rfc822" if is_digest else "text/plain"
        children = tuple(_entity(source, *span, depth + 1, within) for span in spans)
    return Entity(source, start, body_start, end, header, children)


def _check_parameters(header: Message) -> None:
    for name in ("Content-Type", "Content-Disposition"):
        if any(str(value).count(";") > MAX_PARAMETERS for value in header.get_all(name, ())):
            raise MalformedMime(f"a {name} has more than {MAX_PARAMETERS} parameters")


def _body_start(source: bytes, start: int, end: int) -> int:
    """Return where the body begins: after the empty line, which stands first without a header."""
    if source.startswith(b"\r\n", start, end):
        return start + 2
    found = source.find(b"\r\n\r\n", start, end)
    return end if found < 0 else found + 4


def _spans(source: bytes, start: int, end: int, header: Message) -> list[tuple[int, int]]:
    """Return where each part lies between its delimiters (RFC 2046 §5.1.1).

    Where the last delimiter is missing, the last part reaches to the end.
    """
    boundary = header.get_boundary()
    if not boundary:
        raise MalformedMime("a multipart has no boundary")
    spans: list[tuple[int, int]] = []
    begins = -1
    for found in _delimiter(boundary).finditer(source, max(0, start - 2), end):
        if 0 <= begins <= found.start():  # else two delimiters follow each other: no part
            spans.append((begins, found.start()))
        if found["last"]:
            return _some(spans)
        begins = min(found.end() + 2, end)
        if len(spans) > MAX_PARTS:
            raise MalformedMime(f"the message has more than {MAX_PARTS} parts")
    return _some([*spans, (begins, end)] if begins >= 0 else [])


def _some(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    if not spans:
        raise MalformedMime("a multipart has no parts")
    return spans


def _delimiter(boundary: str) -> re.Pattern[bytes]:
    """Match a delimiter with the line end before it, which belongs to it.

    The one after it may belong to the next delimiter as well, and is only looked at.
    """
    try:
        octets = re.escape(boundary.encode())
    except UnicodeEncodeError:
        raise MalformedMime("a boundary has half a character") from None
    return re.compile(rb"\r\n--" + octets + rb"(?P<last>--)?[ \t]*(?=\r\n|\Z)")


def as_text(header: bytes) -> str:
    """Return header bytes as text: UTF-8 (RFC 6532), or what old programs wrote before it."""
    try:
        return header.decode()
    except UnicodeDecodeError:
        return header.decode("latin-1")


def _from_base64(body: bytes) -> bytes:
    """Decode what stands alone in the alphabet; a lost padding is forgiven."""
    try:
        if _BASE64.fullmatch(body):
            return a2b_base64(body + b"==")
    except Base64Error:
        pass
    raise MalformedMime("a part is not the base64 that it says to be")
