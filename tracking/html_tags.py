"""Finds the tags of links where a browser sees them, and nowhere else.

A scanner in place of a parser, because no parser writes back what it read byte for byte. It
follows the tokenizer of the HTML Standard, and tests hold it against a parser. What depends on the
tree is left out on the safe side: what stands in a <template>, in <math>, or in an <svg>.
"""

import re
from dataclasses import dataclass, field
from functools import cache

from tracking.html_syntax import (
    BOGUS_COMMENT,
    FLAGS,
    LONE_LESS_THAN,
    NAME_ENDS,
    PLAIN_REST,
    REST_OF_COMMENT,
    REST_OF_TAG,
    TAG_NAME,
    Tag,
)
from tracking.svg_islands import end_of_svg

_RAW_TEXT = frozenset(
    {"script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes", "plaintext"}
)
_FOREIGN = frozenset({"svg", "math"})

_SEEN = "|".join([r"a|area|v:[a-z]++|/?template|/body", *sorted(_RAW_TEXT | _FOREIGN)])
# What mails are mostly made of, plainly written, in lower case: tried first, and read by the other
# patterns otherwise.
_USUAL = r"/a | /?(?: td | tr | p | span | table | tbody | div | b | strong | h[1-6] ) | img | br"
# Everything else up to the next thing that matters is passed over inside the engine.
_SKIPPED = rf"""(?: (?-i: <(?:{_USUAL}){PLAIN_REST} )
                  | [^<]++
                  | <(?! (?:{_SEEN}){NAME_ENDS} )/?{TAG_NAME}{REST_OF_TAG}
                  | {LONE_LESS_THAN}
                  | <!--(?!\[if){REST_OF_COMMENT}
                  | {BOGUS_COMMENT} )*+"""
_SKIP = re.compile(_SKIPPED, FLAGS)
_NEXT = re.compile(
    rf"{_SKIPPED} (?: <(?P<name>/?{TAG_NAME}){REST_OF_TAG} | (?P<comment><!--{REST_OF_COMMENT}) )",
    FLAGS,
)
# `<!--[if gte mso 9]> … <![endif]-->`: Outlook reads what stands between, everybody else a comment.
_MSO_COMMENT = re.compile(
    r"<!--\[if\b (?P<condition>[^\]>]*+) \]> (?P<content>.*) <!\[endif\]\s*-->",
    FLAGS | re.DOTALL,
)
_FOR_OUTLOOK = re.compile(r"mso|vml", FLAGS)
_SCRIPT_MARK = re.compile(rf"<!--|-->|</?script{NAME_ENDS}", FLAGS)


@dataclass(frozen=True, slots=True)
class Found:
    """What `find_links` found in HTML; offsets are in characters.

    `links` are the start tags in their order; `end_of_body` is where the last `</body>` stands, or
    None; more HTML can be appended at `end`: at the end, or before what is never closed; `unread`
    is an <svg> or <math> from which on nothing was read.
    """

    links: tuple[Tag, ...]
    end_of_body: int | None
    end: int
    unread: Tag | None


def find_links(html: str) -> Found:
    """Find the tags of `a` and `area` that a browser acts on, and `v:*` where Outlook does.

    Outlook reads conditional comments made for it; all three are links there.
    """
    scan = _Scan(html)
    end = scan.read(0, len(html))
    return Found(tuple(scan.links), scan.end_of_body, end, scan.unread)


@dataclass(slots=True)
class _Scan:
    html: str
    links: list[Tag] = field(default_factory=list)
    end_of_body: int | None = None
    unread: Tag | None = None

    def read(self, position: int, end: int, *, for_outlook: bool = False) -> int:
        """Read up to `end` and return where what is never closed begins, or `end`."""
        templates: list[int] = []  # where the open ones begin
        while match := _NEXT.match(self.html, position, end):
            position = match.end()
            if match["comment"]:
                if not templates:
                    self._read_for_outlook(match)
                continue
            tag = Tag(match["name"].lower(), match.start("name") - 1, position)
            if tag.name in _RAW_TEXT or tag.name in _FOREIGN:
                after = self._after_contents(tag, end)
                if after is None:
                    return templates[0] if templates else tag.start
                position = after
            elif tag.name == "template":
                templates.append(tag.start)
            elif tag.name == "/template":
                del templates[-1:]
            elif not templates:
                self._note(tag, for_outlook=for_outlook)
        skipped = _SKIP.match(self.html, position, end)
        assert skipped is not None  # it matches nothing at all, too
        return templates[0] if templates else skipped.end()

    def _read_for_outlook(self, match: re.Match[str]) -> None:
        comment = _MSO_COMMENT.fullmatch(self.html, *match.span("comment"))
        if comment is not None and _FOR_OUTLOOK.search(comment["condition"]):
            self.read(*comment.span("content"), for_outlook=True)

    def _after_contents(self, tag: Tag, end: int) -> int | None:
        """Return where reading goes on after `tag`, or None where its contents never end."""
        if tag.name in _RAW_TEXT:
            return _end_of_raw_text(self.html, tag, end)
        after = end_of_svg(self.html, tag, end)
        if after is None and self.unread is None:
            self.unread = tag
        return after

    def _note(self, tag: Tag, *, for_outlook: bool) -> None:
        if tag.name == "/body":
            self.end_of_body = self.end_of_body if for_outlook else tag.start
        elif for_outlook or not tag.name.startswith("v:"):
            self.links.append(tag)


def _end_of_raw_text(html: str, tag: Tag, end: int) -> int | None:
    """Return where the end tag of `tag` begins, or None where there is none."""
    if tag.name == "plaintext":
        return None
    if tag.name == "script":
        return _end_of_script(html, tag.end, end)
    match = _end_tag(tag.name).search(html, tag.end, end)
    return match.start() if match else None


@cache
def _end_tag(name: str) -> re.Pattern[str]:
    return re.compile(rf"</{name}{NAME_ENDS}", FLAGS)


def _end_of_script(html: str, position: int, end: int) -> int | None:
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
    return None
