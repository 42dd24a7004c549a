"""Text as programs write it into headers and bodies, in whatever charset, as a str."""

from __future__ import annotations

import codecs
import re
from binascii import Error as Base64Error
from binascii import a2b_base64, a2b_qp

_WORD = re.compile(r"=\?([^?*\s]+)(?:\*[^?\s]*)?\?([bq])\?([^?\s]*)\?=", re.IGNORECASE)

# Under these names, everybody writes the larger charset (WHATWG Encoding).
_MEANT = {"iso8859-1": "cp1252", "ascii": "utf-8"}

# Python knows these too, but they are no charsets, and the first takes time of the length squared.
_NO_CHARSETS = frozenset({"punycode", "idna", "unicode-escape", "raw-unicode-escape", "undefined"})


def decoded_words(value: str) -> str:
    """Return the text of a header field, its encoded words decoded (RFC 2047).

    Words that follow each other are one text, even where a character is split between them. A word
    in an unknown charset stays as it is.
    """
    text: list[str] = []
    octets, charset, at = b"", "", 0
    for word in _WORD.finditer(value):
        between = value[at : word.start()]
        follows = at > 0 and not between.strip(" \t")  # the space between words is no text
        if octets and not (follows and word[1].lower() == charset):
            text.append(_decoded(octets, charset))
            octets = b""
        if not follows:
            text.append(between)
        octets, charset, at = octets + _octets(word[2], word[3]), word[1].lower(), word.end()
    return "".join([*text, _decoded(octets, charset), value[at:]])


def decoded_body(content: bytes, charset: str) -> str:
    """Return the text of a body.

    Where it is not in the charset that it names, or names none: UTF-8, if it is, else
    Windows-1252, as readers do.
    """
    for name in (charset, "utf-8"):
        try:
            return content.decode(_meant(name))
        except (LookupError, ValueError):
            continue
    return content.decode("cp1252", "replace")


def _decoded(octets: bytes, charset: str) -> str:
    return decoded_body(octets, charset) if octets else ""


def _octets(encoding: str, content: str) -> bytes:
    octets = content.encode()
    try:
        return a2b_qp(octets, header=True) if encoding in "qQ" else a2b_base64(octets + b"==")
    except Base64Error:
        return octets


def _meant(charset: str) -> str:
    name = codecs.lookup(charset).name
    if name in _NO_CHARSETS:
        raise LookupError(charset)
    return _MEANT.get(name, name)
