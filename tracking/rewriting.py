"""Rewrites the links of an HTML body to tracked ones and adds the pixel, pure html -> html."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from tracking.character_references import decode_attribute
from tracking.html_syntax import RawValue, Tag, attribute
from tracking.html_tags import Found, find_links
from tracking.targets import is_safe_target

MAX_URL_LENGTH = 2_000  # characters; what every mail client carries whole
LARGE_SIZE = 95_000  # bytes; Gmail hides what comes after about 100 kB

_C0_AND_SPACE = "".join(map(chr, range(0x21)))
_TABS_AND_NEWLINES = re.compile(r"[\t\n\r]+")
# Merge tags of other systems: {{x}} {%x%} *|x|* [[x]] %x% %%x%%. A percent sign before two
# hexadecimal digits is an escape and begins none. None reaches past the next opening, so that a
# million openings are read once.
_PLACEHOLDER = re.compile(
    r"""\{\{ [^{]*? \}\} | \{% [^{]*? %\} | \*\| [^*]*? \|\* | \[\[ [^\[]*? \]\]
      | %(?![0-9a-f]{2}) [\w.:-]*+ %""",
    re.IGNORECASE | re.VERBOSE,
)
_NO_TRACK = "data-no-track"
# Transparent, silent for screen readers, and of one pixel even where the mail's own CSS makes
# images wide; "display: none" would keep some readers from fetching it.
_PIXEL = (
    '<img src="{}" width="1" height="1" alt="" style="display:block!important;'
    "width:1px!important;height:1px!important;border:0!important;margin:0!important;"
    'padding:0!important">'
)


@dataclass(frozen=True, slots=True)
class Rewritten:
    """HTML in which `links` links are tracked, and sentences for the sender on what was not."""

    html: str
    links: int
    warnings: tuple[str, ...]


class _Edit(NamedTuple):
    start: int
    end: int
    text: str


def rewrite(
    html: str,
    click_url: Callable[[str], str] | None,
    pixel_url: str | None,
    own_prefixes: Sequence[str] = (),
) -> Rewritten:
    """Return `html` with tracked links and one pixel, every byte outside of both as it was.

    Each http or https link of `a` and `area` (of `v:*` too in conditional comments for Outlook)
    leads to `click_url(target)`, an ASCII URL without white space, asked for once per target. The
    target is the href as a browser parses it: character references decoded once, white space
    stripped around and line breaks and tabs removed within (URL Standard, 4.4), nothing else.

    Links stay as they are when they are relative or of another scheme, hold a merge tag, are no
    safe target (`is_safe_target`), carry the attribute `data-no-track` (which stays, whatever its
    value), begin with one of `own_prefixes`, or would pass MAX_URL_LENGTH. With the base of our
    own links among the prefixes, rewriting twice changes nothing.

    No link is rewritten where `click_url` is None. The pixel, unless `pixel_url` is None or
    already there, stands before the last `</body>`, or at the end (before what is never closed,
    as an open comment).
    """
    found = find_links(html)
    links = list(_trackable_links(html, found, tuple(own_prefixes))) if click_url else []
    targets = dict.fromkeys(target for _, target in links)
    tracked = {target: _tracked_url(target, click_url) for target in targets if click_url}
    edits = [
        _Edit(href.start, href.end, escape(url))
        for href, target in links
        if (url := tracked[target]) is not None
    ]
    count = len(edits)
    if pixel_url is not None and escape(pixel_url) not in html:
        edits.append(_pixel(found, pixel_url))
    result = _apply(html, edits)
    too_long = [target for target, url in tracked.items() if url is None]
    return Rewritten(result, count, tuple(_warnings(found, too_long, result)))


def _trackable_links(
    html: str, found: Found, own: tuple[str, ...]
) -> Iterator[tuple[RawValue, str]]:
    """Yield each href to be rewritten, and its target."""
    for tag in found.links:
        href = attribute(html, tag, "href")
        if href is None:
            continue
        target = _target(href.text)
        if (
            is_safe_target(target)
            and not target.startswith(own)
            and not _PLACEHOLDER.search(target)
            and not _is_left_alone(html, tag)
        ):
            yield href, target


def _is_left_alone(html: str, tag: Tag) -> bool:
    """Tell whether the tag carries `data-no-track`; nearly none does, and a search says so."""
    if _NO_TRACK not in html[tag.start : tag.end].lower():
        return False
    return attribute(html, tag, _NO_TRACK) is not None


def _target(raw: str) -> str:
    value = decode_attribute(raw.replace("\0", "\N{REPLACEMENT CHARACTER}"))
    stripped = value.strip(_C0_AND_SPACE)
    return stripped if stripped.isprintable() else _TABS_AND_NEWLINES.sub("", stripped)


def _tracked_url(target: str, click_url: Callable[[str], str]) -> str | None:
    """Return the tracked link to `target`, or None where it would be too long."""
    if len(target) > MAX_URL_LENGTH:
        return None
    url = click_url(target)
    return url if len(url) <= MAX_URL_LENGTH else None


def _pixel(found: Found, url: str) -> _Edit:
    position = found.end if found.end_of_body is None else found.end_of_body
    return _Edit(position, position, _PIXEL.format(escape(url)))


def _apply(html: str, edits: list[_Edit]) -> str:
    pieces: list[str] = []
    position = 0
    for edit in sorted(edits):
        pieces += (html[position : edit.start], edit.text)
        position = edit.end
    pieces.append(html[position:])
    return "".join(pieces)


def _warnings(found: Found, too_long: list[str], result: str) -> Iterator[str]:
    for target in too_long:
        yield (
            f"Not tracked, because its link would pass {MAX_URL_LENGTH:,} characters: "
            f"{target[:100]}…"
        )
    if found.unread is not None:
        yield (
            f"Nothing was tracked from the <{found.unread.name}> at character {found.unread.start} "
            "on, because its end is uncertain. Close all its elements, or use an image."
        )
    size = len(result.encode(errors="surrogatepass"))
    if size > LARGE_SIZE:
        yield (
            f"The HTML has {size:,} bytes with its tracked links; Gmail clips mail at about "
            "100,000 and hides the rest."
        )
