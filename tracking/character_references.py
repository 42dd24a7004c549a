"""Character references in attribute values, decoded once, as browsers do it."""

import re
from html.entities import html5

_REFERENCE = re.compile(
    r"&(?:#(?:x([0-9a-f]+)|([0-9]+));?|([a-z][a-z0-9]*;?)(=?))", re.IGNORECASE | re.ASCII
)
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def decode_attribute(raw: str) -> str:
    """Return what a browser reads in the attribute value written as `raw`.

    HTML Standard, 13.2.5.72 to 13.2.5.80. Unlike in text (and in `html.unescape`), a legacy name
    without semicolon stays as it is before "=" or a letter or digit: `?a=1&copy=2` has no ©.
    """
    ampersands = raw.count("&")
    if ampersands == raw.count("&amp;"):  # as most links are written, and most quickly read
        return raw.replace("&amp;", "&") if ampersands else raw
    return _REFERENCE.sub(_decode, raw)


def _decode(match: re.Match[str]) -> str:
    hexadecimal, decimal, name, equals = match.groups()
    if hexadecimal:
        return _character(hexadecimal, 16)
    if decimal:
        return _character(decimal, 10)
    if name not in html5 or (equals and name[-1] != ";"):
        return match[0]
    return html5[name] + equals


def _character(digits: str, base: int) -> str:
    # Eight significant digits are past Unicode in either base, and int() refuses thousands.
    code = int(digits.lstrip("0")[:8] or "0", base)
    if code == 0 or code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        return _REPLACEMENT
    if 0x80 <= code <= 0x9F:
        # Written by those who meant Windows-1252; its five gaps stay what they are.
        return bytes([code]).decode("cp1252", "ignore") or chr(code)
    return chr(code)
