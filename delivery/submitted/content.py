"""What a MIME body holds: bodies and files as our model has them, or the whole as it came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from mimetypes import guess_extension
from typing import Final
from urllib.parse import quote

from delivery.mime.entity import Entity, MalformedMime
from delivery.mime.splicing import has_overlong_line, html_part, seven_bit
from delivery.submitted.words import decoded_body, decoded_words
from emails.headers import UnsafeHeader
from emails.parts import check_content_id, check_content_type
from emails.submission import AttachedFile
from uploads.filenames import UnsafeFilename, check_filename

SEALED: Final = frozenset(
    {
        "multipart/signed",  # RFC 1847
        "multipart/encrypted",
        "application/pkcs7-mime",  # RFC 8551
        "application/x-pkcs7-mime",
    }
)
"""What nobody may change: a signature would break, and nobody else can read it."""
_KNOWN_ENCODINGS: Final = frozenset({"7bit", "8bit", "binary", "base64", "quoted-printable"})
BODY_NAME: Final = "as-it-came.eml"


class Unfit(Exception):
    """Our model does not hold this exactly."""


@dataclass(frozen=True, slots=True)
class Content:
    """The bodies, and the files, of which one may be the whole body as it came."""

    html: str = ""
    text: str = ""
    files: tuple[AttachedFile, ...] = ()
    may_be_marked: bool = True  # by a pixel and links of ours


def read_content(entity: Entity) -> Content:
    """Return what an entity holds. Raises MalformedMime where it can't be sent."""
    try:
        return _mixed(entity)
    except (Unfit, MalformedMime, UnsafeHeader, UnsafeFilename):
        return _as_it_came(entity)


def _as_it_came(entity: Entity) -> Content:
    sealed = any(part.media_type in SEALED for part in entity.walk())
    source = entity.source if sealed else seven_bit(entity)
    if b"\0" in source:
        raise MalformedMime("it holds a NUL character (RFC 5321 §4.5.2)")
    if has_overlong_line(source):
        raise MalformedMime("it has a line of more than 998 octets in a part that must stay as is")
    body = AttachedFile(BODY_NAME, "message/rfc822", content=source, is_body=True)
    plain = next((part for part in entity.walk() if _is_body(part, "text/plain")), None)
    return Content(_shown(html_part(entity)), _shown(plain), (body,), not sealed)


def _shown(part: Entity | None) -> str:
    """Return the text of a body for staff and for tracking, "" where it can't be read."""
    try:
        return _text(part) if part else ""
    except (Unfit, MalformedMime):
        return ""


def _mixed(entity: Entity) -> Content:
    """mixed(body, files …), or a body alone."""
    if entity.media_type != "multipart/mixed":
        return _body(entity)
    content = _body(entity.children[0])
    files = tuple(_file(part, content.html) for part in entity.children[1:])
    return Content(content.html, content.text, content.files + files)


def _body(entity: Entity) -> Content:
    match entity.media_type:
        case "multipart/alternative":
            return _alternative(entity.children)
        case "multipart/related" if _begins_with_its_root(entity):
            root = _body(entity.children[0])
            images = tuple(_image(part, root.html) for part in entity.children[1:])
            return Content(root.html, root.text, root.files + images)
        case "text/html" if _is_body(entity, "text/html"):
            return Content(html=_text(entity))
        case "text/plain" if _is_body(entity, "text/plain"):
            return Content(text=_text(entity))
    raise Unfit


def _begins_with_its_root(related: Entity) -> bool:
    """Tell whether the first part is the one that the others belong to (RFC 2387 §3.2)."""
    start = str(related.header.get_param("start", "")).strip("<>")
    return start in ("", _content_id(related.children[0]))


def _alternative(children: Sequence[Entity]) -> Content:
    """Text and HTML, in this order (RFC 2046 §5.1.4)."""
    contents = [_body(child) for child in children]
    match [(bool(content.text), bool(content.html)) for content in contents]:
        case [(False, True)] | [(True, False)]:
            return contents[0]
        case [(True, False), (False, True)]:
            return Content(contents[1].html, contents[0].text, contents[1].files)
    raise Unfit


def _is_body(part: Entity, media_type: str) -> bool:
    """Tell whether it is nothing but a text; one with a format is another text (RFC 3676)."""
    parameters = {name.lower() for name, _ in part.header.get_params([])[1:]}
    return (
        part.media_type == media_type
        and parameters <= {"charset"}
        and part.header.get_content_disposition() in (None, "inline")
        and part.header.get_filename() is None
    )


def _text(part: Entity) -> str:
    if part.encoding not in _KNOWN_ENCODINGS:
        raise Unfit
    text = decoded_body(part.decoded, str(part.header.get_param("charset") or "utf-8"))
    if "\0" in text or not _is_unicode(text):
        raise Unfit
    return text


def _image(part: Entity, html: str) -> AttachedFile:
    """A part that the HTML shows by its Content-ID (RFC 2387)."""
    content_id = _content_id(part)
    is_attachment = part.header.get_content_disposition() == "attachment"  # so Python writes it
    if not content_id or (is_attachment and not _shows(html, content_id)):
        raise Unfit
    return _attached(part, _filename(part) or _made_up_name(part), content_id)


def _file(part: Entity, html: str) -> AttachedFile:
    """A file beside the bodies; an image that the HTML shows may stand here too."""
    content_id = _content_id(part)
    if content_id and _shows(html, content_id):
        return _attached(part, _filename(part) or _made_up_name(part), content_id)
    if part.header.get_content_disposition() != "attachment" or not _filename(part):
        raise Unfit
    return _attached(part, _filename(part), "")


def _shows(html: str, content_id: str) -> bool:
    """Tell whether a `cid:` link names the part, percent-encoded or not (RFC 2392)."""
    return f"cid:{content_id}" in html or f"cid:{quote(content_id)}" in html


def _made_up_name(part: Entity) -> str:
    return f"inline{guess_extension(part.media_type) or ''}"


def _attached(part: Entity, name: str, content_id: str) -> AttachedFile:
    content = part.decoded
    is_file = not part.children and not part.media_type.startswith("message/")
    if not is_file or part.encoding not in _KNOWN_ENCODINGS or not content:
        raise Unfit
    content_type = _content_type(part)
    check_filename(name)
    check_content_type(content_type)
    if content_id:
        check_content_id(content_id)
    return AttachedFile(name, content_type, content_id, content=content)


def _content_type(part: Entity) -> str:
    """Return the media type with its parameters, less the name."""
    pieces = [part.media_type]
    for name, value in part.header.get_params([], unquote=True)[1:]:
        if isinstance(value, tuple):  # RFC 2231
            raise Unfit
        if name.lower() != "name":
            pieces.append(f'{name}="{value}"' if value else name)
    return "; ".join(pieces)


def _filename(part: Entity) -> str:
    return decoded_words(part.header.get_filename() or "")


def _content_id(part: Entity) -> str:
    value = str(part.header.get("Content-ID", "")).strip()
    return value.removeprefix("<").removesuffix(">")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
