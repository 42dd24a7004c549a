"""Reads markup that leaves no doubt about its elements, and refuses all other.

Every element is closed by its own end tag, or by the end of the document, and every `<` begins
something whole. In such markup text can be put in and whole elements left out or repeated without
changing what holds what.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from .start_tags import ATTRIBUTE, RAW_TEXT, StartTag, start_tags

VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())  # noqa: SIM905
OUTSIDE_OF_BODY = frozenset({"html", "head"})  # where a text makes the parser open a body

_SPACE = r"[ \t\n\f\r]"
_TOKEN = re.compile(
    rf"""
    (?P<text> [^<]++ )
  | <!--(?!-?>) (?P<comment> (?: (?!--!?>) . )*+ ) -->
  | <[!?](?!--)[^>]*+>
  | </ (?P<closed> [a-z][a-z0-9:-]*+ ) {_SPACE}*+ >
  | < (?P<opened> [a-z][a-z0-9:-]*+ )
    (?: {_SPACE}++ [a-z_:@][a-z0-9_:.-]*+
        (?: {_SPACE}*+ = {_SPACE}*+ (?: "[^"]*+" | '[^']*+' | [^ \t\n\f\r"'=<>`]++ ) )?+
    )*+ {_SPACE}*+ /? >
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Room:
    """`markup[start:end]`, where text without `<`, `>` and quotes is nothing but text.

    Between rooms of one `place` stand whole elements, or nothing. `tag` is the number of the tag
    whose `attribute` or raw text it is.
    """

    start: int
    end: int
    place: tuple[str, int]
    tag: int | None = None
    attribute: str | None = None


@dataclass(frozen=True, slots=True)
class Nesting:
    """The start tags of well nested markup, for each the number of its parent, and the rooms."""

    tags: Sequence[StartTag]
    parents: Sequence[int | None]
    rooms: Sequence[Room]

    def room(self, start: int, end: int) -> Room | None:
        """The room in which all of it lies."""
        at = bisect_right(self.rooms, start, key=lambda room: room.start) - 1
        return self.rooms[at] if at >= 0 and end <= self.rooms[at].end else None


def nesting(markup: str) -> Nesting | None:
    """Read it in linear time; None where it is in doubt."""
    reader = _Reader(markup, list(start_tags(markup)))
    return Nesting(reader.tags, reader.parents, reader.rooms) if reader.read() else None


class _Reader:
    def __init__(self, markup: str, tags: list[StartTag]) -> None:
        self.markup, self.tags = markup, tags
        self.parents: list[int | None] = []
        self.rooms: list[Room] = []
        self._open: list[int] = []

    def read(self) -> bool:
        at = 0
        while at < len(self.markup):
            token = _TOKEN.match(self.markup, at)
            if token is None:
                return False
            at = token.end()
            if token["opened"]:
                if not self._begin(token):
                    return False
                at = self.tags[len(self.parents) - 1].close
            elif token["closed"]:
                if not self._open or self._name(self._open.pop()) != token["closed"].lower():
                    return False
            elif token["text"]:
                self._add_text(*token.span())
            elif token["comment"]:
                self.rooms.append(Room(*token.span("comment"), ("comment", token.start())))
        return len(self.parents) == len(self.tags)

    def _begin(self, token: re.Match[str]) -> bool:
        number = len(self.parents)
        if number == len(self.tags):
            return False
        tag = self.tags[number]
        if (tag.start, tag.end) != token.span():
            return False
        self.parents.append(self._open[-1] if self._open else None)
        self._add_values(number, tag)
        if tag.name in RAW_TEXT and "<" not in self.markup[tag.end : tag.close]:
            self.rooms.append(Room(tag.end, tag.close, ("raw text", number), number))
        if tag.name not in VOID:
            self._open.append(number)
        return True

    def _add_values(self, number: int, tag: StartTag) -> None:
        for found in ATTRIBUTE.finditer(self.markup, tag.name_end, tag.end - 1):
            start, end = found.span(2)
            if found[2] and found[2][0] in "\"'":
                place = ("value", start)
                self.rooms.append(Room(start + 1, end - 1, place, number, found[1].lower()))

    def _add_text(self, start: int, end: int) -> None:
        if self._open and self._name(self._open[-1]) not in OUTSIDE_OF_BODY:
            self.rooms.append(Room(start, end, ("text", self._open[-1])))

    def _name(self, number: int) -> str:
        return self.tags[number].name
