"""Tells where an inline <svg> ends, if that is certain.

In an <svg> other rules hold: CDATA sections are real, <style> and <title> hold no raw text, and
some HTML tags end it without being asked (HTML Standard, 13.2.6.5).
"""

import re

from tracking.html_syntax import (
    BOGUS_COMMENT,
    FLAGS,
    LONE_LESS_THAN,
    REST_OF_COMMENT,
    REST_OF_TAG,
    SELF_CLOSING,
    TAG_NAME,
    Tag,
)

# fmt: off
_BREAKING_OUT = frozenset({
    "b", "big", "blockquote", "body", "br", "center", "code", "dd", "div", "dl", "dt", "em",
    "embed", "font", "h1", "h2", "h3", "h4", "h5", "h6", "head", "hr", "i", "img", "li", "listing",
    "menu", "meta", "nobr", "ol", "p", "pre", "ruby", "s", "small", "span", "strong", "strike",
    "sub", "sup", "table", "tt", "u", "ul", "var",
})
# fmt: on
_HTML_WITHIN = frozenset({"foreignobject", "math"})
_UNCERTAIN = _BREAKING_OUT | _HTML_WITHIN
_TEXT_ONLY = frozenset({"desc", "title"})

_NEXT = re.compile(
    rf"""(?: [^<]++ | <!\[CDATA\[ (?:[^\]]++ | \](?!\]>))*+ \]\]>
           | {LONE_LESS_THAN} | <!--{REST_OF_COMMENT} | (?!<!\[CDATA\[){BOGUS_COMMENT} )*+
         (?P<tag><(?P<name>/?{TAG_NAME}){REST_OF_TAG})""",
    FLAGS,
)
_ONLY_TEXT = re.compile(r"[^<]*+</(?:desc|title)>", FLAGS)


def end_of_svg(html: str, tag: Tag, end: int) -> int | None:
    """Return the offset past the `</svg>` of `tag`, or None where only a whole parser knows it.

    It is certain where each element is closed in its turn and none brings in other rules.
    """
    open_names: list[str] = []
    position = tag.start
    while match := _NEXT.match(html, position, end):
        position = match.end()
        name = match["name"].lower()
        if name.startswith("/"):
            if open_names.pop() != name[1:]:
                return None
        elif name in _UNCERTAIN:
            return None
        elif not SELF_CLOSING.match(html, match.start("tag"), match.end()):
            open_names.append(name)
            if name in _TEXT_ONLY and not _ONLY_TEXT.match(html, position, end):
                return None
        if not open_names:
            return position
    return None
