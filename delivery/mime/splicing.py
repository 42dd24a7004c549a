"""Replace a part of a MIME body and leave every other byte as it was."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from delivery.mime.entity import Entity, MalformedMime, parse_entity
from emails.encoding import MAX_LINE, base64_lines, encode_text, quoted_printable

_UNCLEAN: Final = re.compile(rb"\0|\r(?!\n)|(?<!\r)\n")  # no text has it; base64 keeps it
# Counted from its beginning: from each of its octets, a line of 998 is read 998 times.
_OVERLONG: Final = re.compile(rb"(?:\A|(?<=\n))[^\n]{%d}" % (MAX_LINE + 2))
_CONTENT_TYPE: Final = "content-type"
_ENCODING: Final = "content-transfer-encoding"
_FIELD_END = re.compile(rb"(?<=\r\n)(?![ \t])")


def html_part(entity: Entity) -> Entity | None:
    """Return the first HTML body, which is what readers are shown; None where there is none."""
    for part in entity.walk():
        if part.media_type == "text/html" and part.header.get_content_disposition() != "attachment":
            return part
    return None


def with_html(source: bytes, html: str) -> bytes:
    """Return the entity in `source` with another HTML body. Raises MalformedMime without one."""
    entity = parse_entity(source)
    part = html_part(entity)
    if part is None:
        raise MalformedMime("there is no HTML body to be replaced")
    encoding, lines = encode_text(html)
    # The last line end belongs to the delimiter that follows.
    body = lines.removesuffix(b"\r\n")
    replacement = _rewritten(part, "text/html; charset=utf-8", encoding, body)
    return spliced(source, [(part, replacement)])


def seven_bit(entity: Entity) -> bytes:
    """Return the entity with every part encoded that a server might not take as it is.

    Those are parts with octets beyond ASCII or with lines over 998. A message within can't be
    encoded (RFC 2046 §5.2.1) and stays.
    """
    return spliced(
        entity.source,
        [(part, _encoded(part)) for part in entity.walk() if _needs_encoding(part)],
    )


def has_overlong_line(source: bytes) -> bool:
    """Tell whether a line has more than 998 octets (RFC 5322 §2.1.1)."""
    return bool(_OVERLONG.search(source))


def spliced(source: bytes, replacements: Iterable[tuple[Entity, bytes]]) -> bytes:
    """Return `source` with the parts replaced, which come in their order."""
    pieces, at = [], 0
    for part, replacement in replacements:
        pieces += [source[at : part.start], replacement]
        at = part.end
    return b"".join([*pieces, source[at:]])


def _needs_encoding(part: Entity) -> bool:
    if part.children or part.media_type.startswith("message/"):
        return False
    return not part.body.isascii() or has_overlong_line(part.body)


def _encoded(part: Entity) -> bytes:
    content = part.decoded
    if part.media_type.startswith("text/") and not _UNCLEAN.search(content):
        lines = quoted_printable(content + b"\r\n").removesuffix(b"\r\n")
        return _rewritten(part, None, "quoted-printable", lines)
    return _rewritten(part, None, "base64", base64_lines(content).removesuffix(b"\r\n"))


def _rewritten(part: Entity, content_type: str | None, encoding: str, lines: bytes) -> bytes:
    """Write a part with the fields that it had, less those that its new body decides.

    A first line that continues no field is left out: it would now continue ours.
    """
    header = part.source[part.start : part.body_start].removesuffix(b"\r\n")
    replaced = {_ENCODING, _CONTENT_TYPE} if content_type else {_ENCODING}
    fields = [field for field in _FIELD_END.split(header) if not field.startswith((b" ", b"\t"))]
    kept = [field for field in fields if _name(field) not in replaced]
    ours = f"Content-Type: {content_type}\r\n" if content_type else ""
    ours += f"Content-Transfer-Encoding: {encoding}\r\n"  # first: some readers stop at bad lines
    return b"".join([ours.encode(), *kept, b"\r\n", lines])


def _name(field: bytes) -> str:
    return field.partition(b":")[0].strip().lower().decode("latin-1")
