"""The name of a file in a part's header: RFC 2183, with RFC 2231 beyond plain ASCII."""

import re
import unicodedata
from typing import Final
from urllib.parse import quote

_PLAIN = re.compile(r"(?!.*=\?)[ !#-\[\]-~]{1,60}")
_UNFIT: Final = re.compile(r"[^ !#-<>-\[\]-~]")
_ATTRIBUTE_CHARS = "!#$&+-.^_`|~"  # RFC 2231 §7, beyond letters and digits
_SEGMENT = 55  # beside ` filename*0*=utf-8''` and `;` in a line of 76


def filename_parameters(filename: str) -> list[str]:
    """The `filename` of a Content-Disposition: as it is, or by RFC 2231, in lines that fit."""
    if _PLAIN.fullmatch(filename):
        return [f'filename="{filename}"']
    segments = _segments(filename)
    if len(segments) == 1:
        return [f"filename*=utf-8''{segments[0]}"]
    first, *others = segments
    return [
        f"filename*0*=utf-8''{first}",
        *(f"filename*{number}*={segment}" for number, segment in enumerate(others, start=1)),
    ]


def ascii_fallback(filename: str) -> str:
    """A name for the `name` parameter of Content-Type, for readers that know no RFC 2231."""
    if _PLAIN.fullmatch(filename):
        return filename
    letters = unicodedata.normalize("NFKD", filename).encode("ascii", "ignore").decode("ascii")
    stem, dot, suffix = _UNFIT.sub("_", letters).strip().rpartition(".")
    if not dot:
        stem, suffix = suffix, ""
    return f"{stem[:40] or 'file'}{dot}{suffix[:10]}"


def _segments(filename: str) -> list[str]:
    """Percent-encode the name in pieces that fit a line and split no character."""
    segments = [""]
    for character in filename:
        encoded = quote(character, safe=_ATTRIBUTE_CHARS)
        if len(segments[-1]) + len(encoded) > _SEGMENT:
            segments.append("")
        segments[-1] += encoded
    return segments
