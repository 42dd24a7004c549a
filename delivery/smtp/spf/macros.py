"""The macros of SPF (RFC 7208 §7): `%{i}`, `%{ir}`, `%{d2}` and their kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from urllib.parse import quote

LONGEST_NAME = 253

_MACRO = re.compile(r"%(?:([%_-])|\{([A-Za-z])([0-9]*)([rR]?)([.\-+,/_=]*)\})")
_LITERAL = {"%": "%", "_": " ", "-": "%20"}


def expand(written: str, values: Mapping[str, Callable[[], str]]) -> str:
    """Return a domain with its macros replaced; `values` answers for each (lower-case) letter."""

    def replaced(found: re.Match[str]) -> str:
        if found[1]:
            return _LITERAL[found[1]]
        letter, digits, turned, delimiters = found[2], found[3], found[4], found[5]
        value = _transformed(values[letter.lower()](), digits, bool(turned), delimiters or ".")
        return quote(value, safe="-._~") if letter.isupper() else value

    return _shortened(_MACRO.sub(replaced, written).rstrip("."))


def _transformed(value: str, digits: str, turned: bool, delimiters: str) -> str:
    parts = re.split(f"[{re.escape(delimiters)}]", value)
    if turned:
        parts.reverse()
    return ".".join(parts[-int(digits) :] if digits else parts)


def _shortened(name: str) -> str:
    """Drop labels on the left until the name can be asked for (§7.3)."""
    while len(name) > LONGEST_NAME and "." in name:
        name = name.partition(".")[2]
    return name
