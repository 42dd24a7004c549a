"""One captured mail, read as a person reads it, whatever is wrong with it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from lxml import etree
from lxml import html as lxml_html


@dataclass(frozen=True, slots=True)
class File:
    """A part that is a file."""

    name: str
    content_type: str
    content: bytes

    @property
    def size(self) -> int:
        """Return the bytes after decoding."""
        return len(self.content)


class CapturedMail:
    """A message as its reader meets it: bodies, files, headers, source."""

    def __init__(self, mail_id: str, captured_at: datetime, source: bytes) -> None:
        self.id = mail_id
        self.captured_at = captured_at
        self.source = source
        # compat32 leaves headers as they came; the newer policies fail on some that are malformed
        self._message: Message = message_from_bytes(source, policy=policy.compat32)

    def header(self, name: str) -> str:
        """Return the header as text, "" where there is none."""
        return header(self._message, name)

    @property
    def message_id(self) -> str:
        """Return our `msg_…` id."""
        return self.id.split("-")[0]

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Return all headers in their order, as text."""
        return [(name, decoded(value)) for name, value in self._message.raw_items()]

    @property
    def source_text(self) -> str:
        """Return the file as text; the few bytes that are not UTF-8 are marked."""
        return self.source.decode("utf-8", "replace")

    @cached_property
    def text(self) -> str:
        """Return the first plain text part, "" where there is none."""
        return self._body("text/plain")

    @cached_property
    def html(self) -> str:
        """Return the first HTML part, its inline images within it; "" where there is none."""
        html = self._body("text/html")
        return _with_images(html, self._inline) if html and self._inline else html

    @cached_property
    def attachments(self) -> list[File]:
        """Return the files, without the images that the HTML shows."""
        html = unquote(self._body("text/html"))
        return [
            _file(part)
            for part in self._parts
            if _is_file(part) and not _shows(html, _content_id(part))
        ]

    @cached_property
    def _parts(self) -> list[Message]:
        return [part for part in _walk(self._message) if not part.is_multipart() or _is_file(part)]

    @cached_property
    def _inline(self) -> dict[str, File]:
        return {_content_id(part): _file(part) for part in self._parts if _content_id(part)}

    def _body(self, content_type: str) -> str:
        for part in self._parts:
            if part.get_content_type() == content_type and not _is_file(part):
                return _text(part)
        return ""


def header(message: Message, name: str) -> str:
    """Return the first header of that name as text, "" where there is none."""
    wanted = name.lower()
    values = (value for key, value in message.raw_items() if key.lower() == wanted)
    return decoded(next(values, ""))


def decoded(value: str) -> str:
    """Return a header's value on one line, its encoded words (RFC 2047) read where they can be."""
    raw = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")  # RFC 6532
    return " ".join((_with_words_read(raw) if "=?" in raw else raw).split())


def _with_words_read(raw: str) -> str:
    try:
        return str(make_header(decode_header(raw)))
    except (MessageError, LookupError, ValueError):  # not encoded as it says
        return raw


def _walk(message: Message) -> Iterator[Message]:
    """Yield the parts; what a forwarded message holds belongs to that message."""
    yield message
    if message.is_multipart() and message.get_content_maintype() == "multipart":
        for part in message.get_payload():
            if isinstance(part, Message):
                yield from _walk(part)


def _is_file(part: Message) -> bool:
    return (
        part.get_content_disposition() == "attachment"
        or part.get_filename() is not None
        or part.get_content_maintype() not in ("text", "multipart")
    )


def _content_id(part: Message) -> str:
    """Return the Content-ID of an inline image, "" of everything else."""
    if part.get_content_maintype() != "image" or part.get_content_disposition() == "attachment":
        return ""
    return str(part.get("Content-ID", "")).strip().strip("<>")


def _shows(html: str, content_id: str) -> bool:
    return bool(content_id) and f"cid:{content_id}" in html


def _file(part: Message) -> File:
    name = decoded(part.get_filename() or "") or "unnamed"
    return File(name, part.get_content_type(), _bytes(part))


def _bytes(part: Message) -> bytes:
    if part.is_multipart():
        inner = (item for item in part.get_payload() if isinstance(item, Message))
        return b"\r\n".join(item.as_bytes() for item in inner)
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _text(part: Message) -> str:
    content = _bytes(part)
    try:
        return content.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:  # a charset that nobody knows
        return content.decode("utf-8", "replace")


def _with_images(html: str, images: dict[str, File]) -> str:
    """Return the HTML with `cid:` links as `data:`: a sandboxed frame sends no login for them."""

    def link(url: str) -> str:
        scheme, _, content_id = url.partition(":")  # RFC 2392
        image = images.get(unquote(content_id)) if scheme.lower() == "cid" else None
        return _data_url(image) if image else url

    parser = lxml_html.HTMLParser(encoding="utf-8")
    try:
        document: Any = lxml_html.document_fromstring(
            html.encode("utf-8", "replace"), parser=parser
        )
    except etree.ParserError:  # nothing but comments
        return html
    document.rewrite_links(link, resolve_base_href=False)
    return str(lxml_html.tostring(document, encoding="unicode"))


def _data_url(image: File) -> str:
    return f"data:{image.content_type};base64,{base64.b64encode(image.content).decode()}"
