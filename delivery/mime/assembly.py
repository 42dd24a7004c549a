"""Put a message together: header, bodies, inline images, attachments."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from delivery.mime import fields
from delivery.mime.draft import Draft, Part
from delivery.mime.parameters import ascii_fallback, filename_parameters
from emails.addresses import Address
from emails.encoding import base64_lines, encode_text
from emails.headers import is_structured


class Entity(NamedTuple):
    """A MIME entity (RFC 2045 §2.4): its Content-* fields and its encoded body."""

    media_type: str
    fields: str
    body: bytes


def assemble(draft: Draft) -> bytes:
    """Write the message with CRLF, 7-bit clean, in lines of at most 998 octets.

    Only where `needs_smtputf8(draft)` does the header hold UTF-8, and an entity that came as it is
    is not made 7-bit here. The same draft gives the same bytes. Raises UnsafeHeader or
    UnsafeFilename for what cannot stand in a header, and UnicodeEncodeError for lone surrogates in
    a body.
    """
    draft.check()
    header = f"{_header(draft)}MIME-Version: 1.0\r\n".encode()
    if draft.entity is not None:
        return header + draft.entity.removesuffix(b"\r\n") + b"\r\n"
    content = _content(draft)
    return header + f"{content.fields}\r\n".encode() + content.body


def _header(draft: Draft) -> str:
    lines = [
        _as_written(draft, "received"),
        fields.addresses("From", [draft.from_]),
        _as_written(draft, "sender"),
        _destination(draft),
        _as_written(draft, "reply-to") or _people("Reply-To", draft.reply_to),
        fields.unstructured("Subject", draft.subject),
        _as_written(draft, "date")
        or f"Date: {_date(draft.date.replace(microsecond=0), draft.date.utcoffset())}\r\n",
        f"Message-ID: {draft.message_id}\r\n",
    ]
    return "".join(lines + [_custom(name, value) for name, value in draft.headers])


@lru_cache(maxsize=64)  # mails of one batch were accepted in the same second
def _date(second: datetime, _offset: timedelta | None) -> str:
    """Write a date-time of RFC 5322 §3.3; the same moment is another text at another offset."""
    return format_datetime(second)


def _destination(draft: Draft) -> str:
    to = _as_written(draft, "to") or _people("To", draft.to)
    cc = _as_written(draft, "cc") or _people("Cc", draft.cc)
    return to + cc or "To: undisclosed-recipients:;\r\n"


def _people(name: str, mailboxes: Sequence[Address]) -> str:
    return fields.addresses(name, mailboxes) if mailboxes else ""


def _as_written(draft: Draft, key: str) -> str:
    if not draft.written:
        return ""
    found = [(name, value) for name, value in draft.written if name.lower() == key]
    return "".join(fields.structured(name, value) for name, value in found)


def _custom(name: str, value: str) -> str:
    """ASCII values may be read by programs, and are never encoded, however long."""
    if value.isascii() or is_structured(name):
        return fields.structured(name, value)
    return fields.unstructured(name, value)


def _content(draft: Draft) -> Entity:
    """mixed(alternative(text, related(html, inline parts)), attachments), less what is empty."""
    body = _multipart("alternative", _bodies(draft), draft)
    attached = [_file(part) for part in draft.attachments if not _is_shown_in_html(part, draft)]
    return _multipart("mixed", [body, *attached], draft)


def _bodies(draft: Draft) -> list[Entity]:
    """Plainest first (RFC 2046 §5.1.4)."""
    bodies = []
    if draft.text is not None or draft.html is None:
        bodies.append(_body("plain", draft.text or ""))
    if draft.html is not None:
        root = _body("html", draft.html)
        shown = [_file(part) for part in draft.attachments if _is_shown_in_html(part, draft)]
        bodies.append(_multipart("related", [root, *shown], draft))
    return bodies


def _is_shown_in_html(part: Part, draft: Draft) -> bool:
    return draft.html is not None and part.disposition == "inline" and part.content_id is not None


def _multipart(subtype: str, parts: Sequence[Entity], draft: Draft) -> Entity:
    """Join the parts (RFC 2046 §5.1), or return the only one as it is.

    No line of quoted-printable or base64 can begin with the boundary: in them, `=` never stands
    before `_`. Nor is one boundary the beginning of another.
    """
    if len(parts) == 1:
        return parts[0]
    boundary = f"=_{subtype}_{_fingerprint(draft.message_id)}"
    delimiter = f"--{boundary}\r\n"
    pieces = [f"{delimiter}{part.fields}\r\n".encode() + part.body for part in parts]
    media_type = f"multipart/{subtype}"
    root_type = f'; type="{parts[0].media_type}"' if subtype == "related" else ""
    return Entity(
        media_type,
        f'Content-Type: {media_type}{root_type};\r\n boundary="{boundary}"\r\n',
        b"\r\n".join([*pieces, f"--{boundary}--\r\n".encode()]),
    )


def _fingerprint(message_id: str) -> str:
    return blake2b(message_id.encode(), digest_size=12).hexdigest()


def _body(subtype: str, text: str) -> Entity:
    encoding, lines = encode_text(text)
    return Entity(
        f"text/{subtype}",
        f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n",
        lines,
    )


def _file(part: Part) -> Entity:
    """A file with its octets kept exactly: base64, for text too."""
    media_type = _sendable_type(part.content_type)
    identifier = f"Content-ID: <{part.content_id}>\r\n" if part.content_id else ""
    name = f'name="{ascii_fallback(part.filename)}"'
    return Entity(
        media_type,
        _parameters("Content-Type", media_type, [name])
        + "Content-Transfer-Encoding: base64\r\n"
        + identifier
        + _parameters("Content-Disposition", part.disposition, filename_parameters(part.filename)),
        base64_lines(part.content),
    )


def _sendable_type(media_type: str) -> str:
    """A message/* part may not be base64 (RFC 2046 §5.2), and any other form changes octets."""
    return "application/octet-stream" if media_type.lower().startswith("message/") else media_type


def _parameters(name: str, value: str, parameters: Sequence[str]) -> str:
    tokens = [f" {value}", *(f" {parameter}" for parameter in parameters)]
    return fields.fold(name, [f"{token};" for token in tokens[:-1]] + tokens[-1:])
