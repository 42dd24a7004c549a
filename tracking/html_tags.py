"""Finds the tags of links where a browser sees them, and nowhere else.

A scanner in place of a parser, because no parser writes back what it read byte for byte. It
follows the tokenizer of the HTML Standard, and tests hold it against a parser. What depends on the
tree is left out on the safe side: what stands in a <template>, in <math>, or in an <svg>.
"""

import re
from collections.abc import Iterator
from functools import cache

from tracking.html_syntax import (
    BOGUS_COMMENT,
    FLAGS,
    LONE_LESS_THAN,
    NAME_ENDS,
    REST_OF_COMMENT,
    REST_OF_TAG,
    TAG_NAME,
    Tag,
)
from tracking.svg_islands import end_of_svg

_RAW_TEXT = frozenset(
    {"script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes", "plaintext"}
)
FOREIGN = frozenset({"svg", "math"})
_TEMPLATE = {"template": 1, "/template": -1}

_SEEN = "|".join([r"a|area|v:[a-z]++|/body", *sorted({*_RAW_TEXT, *FOREIGN, *_TEMPLATE})])
# Everything else up to the next thing that matters is passed over inside the engine.
_SKIPPED = rf"""(?: [^<]++
                  | <(?! (?:{_SEEN}){NAME_ENDS} )/?{TAG_NAME}{REST_OF_TAG}
                  | {LONE_LESS_THAN}
                  | <!--(?!\[if){REST_OF_COMMENT}
                  | {BOGUS_COMMENT} )*+"""
_NEXT = re.compile(
    rf"{_SKIPPED} (?: <(?P<name>/?{TAG_NAME}){REST_OF_TAG} | (?P<comment><!--{REST_OF_COMMENT}) )",
    FLAGS,
)
# `<!--[if gte mso 9]> … <![endif]-->`: Outlook reads what stands between, everybody else a comment.
_MSO_COMMENT = re.compile(
    r"<!--\[if\b [^\]>]*? (?:mso|vml) [^\]>]*+ \]> (?P<content>.*) <!\[endif\]\s*-->",
    FLAGS | re.DOTALL,
)
_SCRIPT_MARK = re.compile(rf"<!--|-->|</?script{NAME_ENDS}", FLAGS)


def tags(html: str) -> Iterator[Tag]:
    """Yield each start tag of `a` and `area` and each end tag of `body` that a browser acts on.

    Also what Outlook reads in conditional comments for it: there `v:*` as well. Where the end of an
    <svg> or <math> is not certain, that tag comes last, and nothing after it is read.
    """
    yield from _tags_between(html, 0, len(html), in_comment=False)


def _tags_between(html: str, position: int, end: int, *, in_comment: bool) -> Iterator[Tag]:
    templates = 0
    not_here = "/body" if in_comment else "v:"
    while match := _NEXT.match(html, position, end):
        position = match.end()
        if match["comment"]:
            if not templates:
                yield from _tags_for_outlook(html, match)
            continue
        tag = Tag(match["name"].lower(), match.start("name") - 1, position)
        if tag.name in _RAW_TEXT:
            position = _end_of_raw_text(html, tag, end)
        elif tag.name in _TEMPLATE:
            templates = max(0, templates + _TEMPLATE[tag.name])
        elif tag.name in FOREIGN:
            after = end_of_svg(html, tag, end)
            if after is None:
                yield tag
                return
            position = after
        elif not templates and not tag.name.startswith(not_here):
            yield tag


def _tags_for_outlook(html: str, match: re.Match[str]) -> Iterator[Tag]:
    comment = _MSO_COMMENT.fullmatch(html, *match.span("comment"))
    if comment is not None:
        yield from _tags_between(html, *comment.span("content"), in_comment=True)


def _end_of_raw_text(html: str, tag: Tag, end: int) -> int:
    """Return where the end tag of `tag` begins, or `end` where there is none."""
    if tag.name == "plaintext":
        return end
    if tag.name == "script":
        return _end_of_script(html, tag.end, end)
    match = _end_tag(tag.name).search(html, tag.end, end)
    return match.start() if match else end


@cache
def _end_tag(name: str) -> re.Pattern[str]:
    return re.compile(rf"</{name}{NAME_ENDS}", FLAGS)


def _end_of_script(html: str, position: int, end: int) -> int:
    """As `_end_of_raw_text`; "<!--" hides a `</script>` after another "<script" (13.2.5.15 on)."""
    in_comment = in_inner_script = False
    while match := _SCRIPT_MARK.search(html, position, end):
        position = match.end()
        mark = match[0].lower()
        if mark == "<!--":
            in_comment = True
            position -= 2  # its dashes may already be those of "-->"
        elif mark == "-->":
            in_comment = in_inner_script = False
        elif mark == "<script":
            in_inner_script = in_comment
        elif in_inner_script:
            in_inner_script = False
        else:
            return match.start()
    return end
