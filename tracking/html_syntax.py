"""Tags, comments and attributes as regular expressions (HTML Standard, 13.2.5)."""

import re
from functools import cache
from typing import NamedTuple

# ASCII, because in Unicode the long s (U+017F) matches "s" and would make a tag <script> too.
FLAGS = re.IGNORECASE | re.ASCII | re.VERBOSE

SPACE = r"[\t\n\f\r\ ]"
TAG_NAME = r"[a-z][^\t\n\f\r\ />]*+"
NAME_ENDS = r"(?=[\t\n\f\r\ />])"
REST_OF_COMMENT = r"(?: -?> | (?: [^-]++ | -(?!-!?>) )*+ --!?> )"
# <!DOCTYPE …>, <?…>, </…> without a name: all end at the first ">", quoted or not.
BOGUS_COMMENT = r"<(?: !(?!--) | \? | /(?![a-z]) )[^>]*+>"
LONE_LESS_THAN = r"<(?![a-z!?/])"

_VALUE = r"""(?: "([^"]*+)" | '([^']*+)' | ([^\t\n\f\r\ >"'][^\t\n\f\r\ >]*+) | (?=>) )"""
# Where an equals sign follows a name and no value matches, a quote is never closed: the tag runs to
# the end of the file, and is none.
_MAYBE_VALUE = rf"(?: {SPACE}*+={SPACE}*+{_VALUE} | (?!{SPACE}*+=) )"
# An equals sign where a name is due begins the name.
_ATTRIBUTE = rf"[^\t\n\f\r\ />][^\t\n\f\r\ />=]*+{_MAYBE_VALUE.replace('([', '(?:[')}"
_BETWEEN = r"[\t\n\f\r\ /]++"
# In <path d=x/> the slash belongs to the value.
SELF_CLOSING = re.compile(
    rf"<{TAG_NAME} (?: [\t\n\f\r\ /]*+ {_ATTRIBUTE} )*+ {_BETWEEN} (?<=/)>", FLAGS
)
# Most tags are written like this; what the second pattern reads, this reads sooner.
PLAIN_REST = r"""(?: \ [a-z-]++="[^"]*+" )*+ >"""
REST_OF_TAG = rf"(?: {PLAIN_REST} | (?: {_BETWEEN} | {_ATTRIBUTE} )*+ > )"


class Tag(NamedTuple):  # many are made for each mail: a frozen dataclass costs three times as much
    """A tag: its name in lower case (an end tag's with the slash), its start, and past its end."""

    name: str
    start: int
    end: int


class RawValue(NamedTuple):
    """An attribute's value as written, without its quotes, and where it stands in the HTML."""

    text: str
    start: int
    end: int


def attribute(html: str, tag: Tag, name: str) -> RawValue | None:
    """Return the value of `tag`'s first attribute called `name` (the first one counts), or None.

    An attribute without value has the empty one.
    """
    if match := _plain_first(name).match(html, tag.start + 1 + len(tag.name), tag.end):
        return RawValue(match[1], match.start(1), match.end(1))
    match = _first_attribute(name).match(html, tag.start + 1 + len(tag.name), tag.end)
    if match is None:
        return None
    group = match.lastindex
    if group is None:
        return RawValue("", match.end(), match.end())
    return RawValue(match[group], match.start(group), match.end(group))


@cache
def _plain_first(name: str) -> re.Pattern[str]:
    """As it is mostly written: first in its tag, in double quotes."""
    return re.compile(rf'\ {re.escape(name)}="([^"]*+)"', FLAGS)


@cache
def _first_attribute(name: str) -> re.Pattern[str]:
    wanted = rf"{re.escape(name)}(?=[\t\n\f\r\ />=])"
    others = rf"(?: {_BETWEEN} | (?!{wanted}){_ATTRIBUTE} )*+"
    return re.compile(rf"{others}{wanted}{_MAYBE_VALUE}", FLAGS)
