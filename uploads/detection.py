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
    TEXTUAL,
    ZIP,
    refine,
)

HEAD_BYTES = TAIL_BYTES = 64 * 1024
LEAST_SIGNATURE = 3  # bytes; what puremagic knows by one or two fits any file

# Spellings of puremagic, and ours (IANA's where there is one).
ALIASES = {
    "application/x-gzip": "application/gzip",
    "audio/wave": "audio/wav",
    "audio/x-wav": "audio/wav",
    "application/ogg": "audio/ogg",
}
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
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _package(head, tail)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return OLE
    return _signature(head) or _text(head) or OCTETS


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


def _signature(head: bytes) -> str | None:
    """Return the type of the most certain signature at the start, of those that we know."""
    try:
        matches = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        return None
    for match in matches:
        content_type: str = ALIASES.get(match.mime_type, match.mime_type)
        long_enough = len(match.byte_match) >= LEAST_SIGNATURE and match.offset >= 0
        if long_enough and content_type in EXTENSIONS and content_type not in TEXTUAL:
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
