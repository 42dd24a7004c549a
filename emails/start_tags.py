"""Where the start tags of an HTML document are, in one pass over it.

Follows the tokenizer of the HTML standard (WHATWG, 13.2.5) in what ends a tag, a comment and a
raw text element, and takes linear time, which the standard library's parser does not: thousands
of `<!--` keep that busy for minutes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_ATTRIBUTE = r"""([^\s/>][^\s/>=]*+)(?:\s*+=\s*+("[^"]*+"|'[^']*+'|[^\s>"'][^\s>]*+|(?=>)))?+"""
ATTRIBUTE = re.compile(_ATTRIBUTE)
START_TAG = re.compile(rf"<([a-zA-Z][^\s/>]*+)(?>[\s/]++|{_ATTRIBUTE})*+>")
RAW_TEXT = frozenset(
    {"style", "script", "title", "textarea", "xmp", "iframe", "noembed", "noframes"}
)


@dataclass(frozen=True, slots=True)
class StartTag:
    """`html[start:end]` is the tag, its attributes from `name_end` on; raw text ends at `close`."""

    name: str
    start: int
    name_end: int
    end: int
    close: int

    def attribute(self, html: str, name: str) -> tuple[int, int] | None:
        """Where the value of the first attribute of that name is, its quotes included."""
        for found in ATTRIBUTE.finditer(html, self.name_end, self.end - 1):
            if found[1].lower() == name:
                return found.span(2) if found[2] else None
        return None


def start_tags(html: str) -> Iterator[StartTag]:
    """In their order; what is never closed (a comment, a tag, a script) ends the document."""
    at = html.find("<")
    while at != -1:
        if found := START_TAG.match(html, at):
            name = found[1].lower()
            close = _raw_text_end(html, name, found.end())
            yield StartTag(name, at, found.end(1), found.end(), close)
            at = html.find("<", close)
        else:
            at = _after_other(html, at)


def _raw_text_end(html: str, name: str, start: int) -> int:
    if name not in RAW_TEXT:
        return start
    closing = re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE).search(html, start)
    return closing.start() if closing else len(html)


def _after_other(html: str, at: int) -> int:
    """The next `<` after a comment, a declaration, an end tag, or a `<` that is only text."""
    if html.startswith("<!--", at):
        # `<!-->` and `<!--->` are whole comments.
        end = html.find("-->", at + 2)
    elif re.compile(r"<[!?/a-zA-Z]").match(html, at):
        end = html.find(">", at)
    else:
        end = at
    return html.find("<", end + 1) if end != -1 else -1
