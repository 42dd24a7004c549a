"""The type of a file by its content; the extension may only refine what the content allows."""

import os
import re
from typing import IO

import puremagic

from uploads.kinds import (
    EXTENSIONS,
    OCTETS,
    OLE,
    OOXML,
    OPENDOCUMENT,
    TEXT,
    ZIP,
    refine,
)

HEAD_BYTES = TAIL_BYTES = 64 * 1024

# Types that matter to a mailer, by signatures that nothing else has. puremagic, which knows many
# more, takes "RIFF" for an image and the word "text" at offset 73 for an office document.
SIGNATURES: dict[str, re.Pattern[bytes]] = {
    content_type: re.compile(pattern, re.DOTALL)
    for content_type, pattern in {
        "image/png": rb"\x89PNG\r\n\x1a\n",
        "image/jpeg": rb"\xff\xd8\xff",
        "image/gif": rb"GIF8[79]a",
        "image/webp": rb"RIFF....WEBPVP8",
        "image/avif": rb"....ftyp(?:avi[fs]|mif1.{4,32}?avif)",
        "image/heif": rb"....ftyp(?:hei[cx]|mif1)",
        "image/tiff": rb"II\*\x00|MM\x00\*",
        "image/x-icon": rb"\x00\x00\x01\x00[\x01-\x40]\x00",
        "application/pdf": rb"%PDF-\d",
        "application/rtf": rb"\{\\rtf1",
        "application/gzip": rb"\x1f\x8b\x08",
        "application/x-7z-compressed": rb"7z\xbc\xaf'\x1c",
        "application/vnd.rar": rb"Rar!\x1a\x07[\x00\x01]",
        "application/x-xz": rb"\xfd7zXZ\x00",
        "application/x-bzip2": rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)",
        "application/x-tar": rb".{257}ustar[\x00 ]",
        OLE: rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        ZIP: rb"PK(?:\x03\x04|\x05\x06)",
        "audio/mpeg": rb"ID3[\x02-\x04]|\xff[\xf2\xf3\xfa\xfb][\x10-\xeb]",
        "audio/wav": rb"RIFF....WAVE",
        "video/x-msvideo": rb"RIFF....AVI ",
        "audio/ogg": rb"OggS\x00",
        "audio/flac": rb"fLaC\x00",
        "video/mp4": rb"....ftyp(?:isom|iso[2-9]|mp4[12]|avc1|M4V|dash)",
        "video/quicktime": rb"....ftypqt  ",
        "video/webm": rb"\x1aE\xdf\xa3.{0,60}?webm",
        "font/woff2": rb"wOF2",
        "application/vnd.microsoft.portable-executable": rb"MZ.{2}[\x00-\x1f]",
    }.items()
}
RARE_SIGNATURE = 5  # bytes; what puremagic knows by fewer fits any file
RARE_TYPE = re.compile(r"(?:application|audio|font|image|model|video)/[a-z0-9.+-]{1,100}")
ACTIVE = re.compile(r"html|xml|svg|script|json|flash|octet-stream")

# In an OOXML package the names of its parts tell which kind it is (ECMA-376, part 2).
OFFICE_PARTS = {
    b"word/": f"{OOXML}.wordprocessingml.document",
    b"xl/": f"{OOXML}.spreadsheetml.sheet",
    b"ppt/": f"{OOXML}.presentationml.presentation",
}
# An OpenDocument or EPUB file starts with its own type, uncompressed (ODF 1.3, part 2, 3.3).
PACKAGE_TYPE_AT = 30
PACKAGE_TYPES = ("application/epub+zip", f"{OPENDOCUMENT}.")

# WHATWG MIME Sniffing, "binary data byte": no text has these.
NOT_TEXT = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
# Possessive quantifiers: a hostile file may not make the search quadratic.
PROLOGUE = re.compile(r"(?:\s++|<\?xml.*?\?>|<!--.*?-->)*+", re.DOTALL)
SVG_ROOT = re.compile(r"<(?:!doctype\s++svg|(?:[\w.-]{1,64}:)?svg)[\s/>]", re.IGNORECASE)
HTML_TAG = re.compile(
    r"<(?:!doctype\s+html|/?(?:html|head|body|title|script|style|iframe|meta|link|base|object|embed"
    r"|table|div|p|br|a|b|h[1-6]|img|font|form|svg|math)(?=[\s/>]))",
    re.IGNORECASE,
)


def detect(file: IO[bytes], filename: str) -> str:
    """Return the content type of a seekable file and rewind it; OCTETS when unknown.

    Reads no more than its first and last 64 KiB.
    """
    file.seek(0)
    head = file.read(HEAD_BYTES)
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - TAIL_BYTES))
    tail = file.read()
    file.seek(0)
    return refine(by_content(head, tail), extension_of(filename))


def extension_of(filename: str) -> str:
    """Return what follows the last dot, in lower case, or ""."""
    stem, dot, extension = filename.rpartition(".")
    return extension.lower() if dot and stem else ""


def by_content(head: bytes, tail: bytes) -> str:
    """Return the type that the first and last bytes of a file tell."""
    for content_type, signature in SIGNATURES.items():
        if signature.match(head):
            return _package(head, tail) if content_type == ZIP else content_type
    return _text(head) or _rare(head) or OCTETS


def _package(head: bytes, tail: bytes) -> str:
    """Return the type of a ZIP file, from names alone: nothing is unpacked."""
    if head[PACKAGE_TYPE_AT:].startswith(b"mimetype"):
        declared = head[PACKAGE_TYPE_AT + len(b"mimetype") :][:100].decode("latin-1")
        for known in EXTENSIONS:
            if known.startswith(PACKAGE_TYPES) and declared.startswith(known):
                return known
    if b"[Content_Types].xml" in head or b"[Content_Types].xml" in tail:
        for part, content_type in OFFICE_PARTS.items():
            if part in head or part in tail:
                return content_type
    return ZIP


def _rare(head: bytes) -> str | None:
    """Return a passive type of binary content that is none of ours, by a signature at the start."""
    try:
        matches = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        return None
    for match in matches:
        content_type: str = match.mime_type
        certain = match.offset == 0 and len(match.byte_match) >= RARE_SIGNATURE
        passive = RARE_TYPE.fullmatch(content_type) and not ACTIVE.search(content_type)
        if certain and passive and content_type not in EXTENSIONS:
            return content_type
    return None


def _text(head: bytes) -> str | None:
    """Return the kind of text, or None for binary content."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _markup(head.decode("utf-16", "replace")) or TEXT
    if not head or NOT_TEXT.search(head):
        return None
    return _markup(head.decode("utf-8-sig", "replace")) or TEXT


def _markup(text: str) -> str | None:
    """Return the type of markup that a browser might make of `text`, the most dangerous first."""
    prologue = PROLOGUE.match(text)
    root = text[prologue.end() :] if prologue else text
    if SVG_ROOT.match(root):
        return "image/svg+xml"
    if HTML_TAG.match(root):
        return "text/html"
    return "application/xml" if text.lstrip().startswith("<?xml") else None
