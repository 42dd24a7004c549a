"""The text part of a mail that came with HTML alone."""

import re
from collections.abc import Mapping
from html import unescape
from typing import Any

from lxml import etree

from .text_lines import TextLines

DEEPEST = 250  # elements; libxml2 looks through all of them at each end tag that fits none
FED_AT_ONCE = 32_768  # bytes

_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|max-height\s*:\s*0(?![.\d])",
    re.IGNORECASE,
)
_INVISIBLE = re.compile("[\u00ad\u034f\u200b\u200c\u200d\u2060\ufeff]+")
_TABS_AND_LINE_ENDS = re.compile(r"[\t\n\r]+")
_TAG = re.compile(
    r"<(script|style|title)\b.*?(?:</\1[^<>]*>?|\Z) | <!--.*?(?:-->|\Z) | </?[a-z!?][^<>]*>?",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_LAYOUT_ROLES = frozenset({"presentation", "none"})
_SEEN_BY_NOBODY = frozenset({"head", "script", "style", "title", "template"})
# Breaks before and after: 2 leave an empty line, as the margins of a browser do.
_BLOCKS = {
    **dict.fromkeys(["p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "hr", "dl"], 2),
    **dict.fromkeys(["address", "article", "aside", "body", "caption", "center", "dd", "div"], 1),
    **dict.fromkeys(["dt", "fieldset", "figcaption", "figure", "footer", "form", "header"], 1),
    **dict.fromkeys(["html", "li", "main", "nav", "section", "table", "tr"], 1),
}


def text_from_html(html: str) -> str:
    """What a reader sees of the HTML, with each link's address behind its text: `Pay <https://…>`.

    Lines are not wrapped, so that no address is broken. Hidden elements (a preheader), comments
    and style sheets are left out; pictures are their `alt`; cells of a row stand on one line. An
    empty document gives "", an unreadable one what is left of it without its tags. Time is linear
    in the size.
    """
    if not html or html.isspace():
        return ""
    try:
        return _read(html.encode(errors="replace"))
    except (etree.LxmlError, AssertionError, ValueError, _TooDeep):
        return _without_tags(html)


def _read(html: bytes) -> str:
    """Fed in pieces, because the parser goes on to the end of its piece after an exception."""
    target: Any = _Reader()
    parser = etree.HTMLParser(encoding="utf-8", target=target)
    for start in range(0, len(html), FED_AT_ONCE):
        parser.feed(html[start : start + FED_AT_ONCE])
    text: Any = parser.close()  # what our target returns
    return str(text)


class _TooDeep(Exception):
    """The document is nested deeper than mail is."""


class _Reader:
    """Takes a document as the parser reads it, and keeps no tree of it."""

    def __init__(self) -> None:
        self._lines = TextLines()
        self._depth = 0
        self._hidden_from = 0  # the depth of an element that is hidden with all it holds
        self._as_written = 0
        self._link: tuple[str, int] | None = None  # its address, the place where its text begins
        self._lists: list[int | None] = []  # the number of the next item, None for bullets
        self._rows: list[_Row] = [_Row(" | ")]

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise _TooDeep
        if self._hidden_from:
            return
        if tag in _SEEN_BY_NOBODY or (attributes and _is_hidden(attributes)):
            self._hidden_from = self._depth
            return
        if tag in _BLOCKS:
            self._lines.separate(_BLOCKS[tag])
        if opening := _OPENINGS.get(tag):
            opening(self, attributes)

    def end(self, tag: str) -> None:
        self._depth -= 1
        if self._hidden_from:
            if self._depth < self._hidden_from:
                self._hidden_from = 0
            return
        if closing := _CLOSINGS.get(tag):
            closing(self)
        if tag in _BLOCKS:
            self._lines.separate(_BLOCKS[tag])

    def data(self, text: str) -> None:
        if self._hidden_from:
            return
        if not text.isascii():
            text = _INVISIBLE.sub("", text)
        if self._as_written:
            self._lines.add_as_written(text)
        elif text:
            self._lines.add(text)

    def close(self) -> str:
        return self._lines.text()

    def break_line(self, attributes: Mapping[str, str]) -> None:
        self._lines.end_line()

    def draw_rule(self, attributes: Mapping[str, str]) -> None:
        self._lines.add("---")

    def show_alternative(self, attributes: Mapping[str, str]) -> None:
        if text := attributes.get("alt", ""):
            self.data(text)

    def open_link(self, attributes: Mapping[str, str]) -> None:
        self.close_link()  # links hold no links
        address = _TABS_AND_LINE_ENDS.sub("", attributes.get("href", "").strip())
        if address and not address.startswith("#"):
            self._link = address, self._lines.place

    def close_link(self) -> None:
        """RFC 3986, appendix C: angle brackets say where an address ends."""
        if self._link is None:
            return
        address, place = self._link
        self._link = None
        text = self._lines.since(place)
        if not text:
            self._lines.add(f"<{address}>")
        elif text not in _same_as(address):
            self._lines.append(f"<{address}>")

    def open_list(self, attributes: Mapping[str, str]) -> None:
        self._lines.separate(1 if self._lists else 2)
        self._lists.append(None)

    def open_numbered_list(self, attributes: Mapping[str, str]) -> None:
        self.open_list(attributes)
        start = attributes.get("start", "")
        self._lists[-1] = int(start) if re.fullmatch(r"[0-9]{1,9}", start) else 1

    def close_list(self) -> None:
        if self._lists:
            self._lists.pop()
        self._lines.separate(1 if self._lists else 2)

    def open_item(self, attributes: Mapping[str, str]) -> None:
        number = self._lists[-1] if self._lists else None
        if number is None:
            self._lines.indent("  ", "- ")
        else:
            self._lines.indent("   ", f"{number}. ")
            self._lists[-1] = number + 1

    def open_quote(self, attributes: Mapping[str, str]) -> None:
        self._lines.indent("> ")

    def close_indented(self) -> None:
        self._lines.dedent()

    def open_as_written(self, attributes: Mapping[str, str]) -> None:
        self._as_written += 1

    def close_as_written(self) -> None:
        self._as_written -= 1

    def open_table(self, attributes: Mapping[str, str]) -> None:
        is_layout = attributes.get("role") in _LAYOUT_ROLES
        self._rows.append(_Row(" " if is_layout else " | "))
        self._set_off_data()

    def close_table(self) -> None:
        self._set_off_data()
        if len(self._rows) > 1:
            self._rows.pop()

    def _set_off_data(self) -> None:
        if self._rows[-1].separator == " | ":
            self._lines.separate(2)

    def open_row(self, attributes: Mapping[str, str]) -> None:
        self._rows[-1].last_cell = None

    def open_cell(self, attributes: Mapping[str, str]) -> None:
        """Two columns of several lines each read better below each other than joined at a line."""
        row, lines = self._rows[-1], self._lines
        if row.last_cell is not None:
            if row.separator == " " and lines.breaks_since(row.last_cell):
                lines.separate(1)
            else:
                lines.join(row.separator)
        row.last_cell = lines.place


class _Row:
    """Of a table: what stands between its cells, and the place where the last one began."""

    __slots__ = ("last_cell", "separator")

    def __init__(self, separator: str) -> None:
        self.separator = separator
        self.last_cell: int | None = None


_OPENINGS = {
    "a": _Reader.open_link,
    "blockquote": _Reader.open_quote,
    "br": _Reader.break_line,
    "hr": _Reader.draw_rule,
    "img": _Reader.show_alternative,
    "li": _Reader.open_item,
    "ol": _Reader.open_numbered_list,
    "pre": _Reader.open_as_written,
    "table": _Reader.open_table,
    "td": _Reader.open_cell,
    "th": _Reader.open_cell,
    "tr": _Reader.open_row,
    "ul": _Reader.open_list,
}
_CLOSINGS = {
    "a": _Reader.close_link,
    "blockquote": _Reader.close_indented,
    "li": _Reader.close_indented,
    "ol": _Reader.close_list,
    "pre": _Reader.close_as_written,
    "table": _Reader.close_table,
    "ul": _Reader.close_list,
}


def _is_hidden(attributes: Mapping[str, str]) -> bool:
    if "hidden" in attributes:
        return True
    style = attributes.get("style")
    return style is not None and _HIDDEN_STYLE.search(style) is not None


def _same_as(address: str) -> tuple[str, ...]:
    scheme, _, rest = address.partition(":")
    return (address, rest) if scheme.lower() in {"mailto", "tel"} else (address,)


def _without_tags(html: str) -> str:
    lines = TextLines()
    for line in unescape(_TAG.sub(" ", html)).splitlines():
        lines.add(_INVISIBLE.sub("", line))
        lines.end_line()
    return lines.text().encode(errors="replace").decode()
