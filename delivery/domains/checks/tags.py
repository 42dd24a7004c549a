"""Tag lists, as DKIM and DMARC records are (RFC 6376 §3.2)."""

from __future__ import annotations

import re

_TAG = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)\s*=(.*)", re.DOTALL)


def tag_list(text: str) -> dict[str, str] | None:
    """Return the tags by name, in their order, or None where `text` is no tag list."""
    tags: dict[str, str] = {}
    for part in text.rstrip().removesuffix(";").split(";"):
        found = _TAG.fullmatch(part)
        if not found or found[1] in tags:
            return None
        tags[found[1]] = found[2].strip()
    return tags
