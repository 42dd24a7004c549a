"""What CSS selectors look at: which attributes of elements, and whether at their neighbours."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import cssselect

NEIGHBOURS = frozenset({"+", "~"})
POSITIONS = frozenset({"first-child", "last-child"})


@dataclass(frozen=True, slots=True)
class Looks:
    """`attributes` in lower case; `at_neighbours`: at siblings, or at the place among them."""

    attributes: frozenset[str]
    at_neighbours: bool


def looks_of(selectors: Iterable[str]) -> Looks | None:
    """What any of them looks at; None where one may look at something else, as at text."""
    seen = {look for selector in selectors for look in _looks(selector)}
    if "?" in seen:
        return None
    return Looks(frozenset(seen - NEIGHBOURS), not NEIGHBOURS.isdisjoint(seen))


def _looks(selector: str) -> Iterator[str]:
    for parsed in cssselect.parse(selector):
        if parsed.pseudo_element:
            yield "?"
        yield from _in_tree(parsed.parsed_tree)


def _in_tree(tree: Any) -> Iterator[str]:
    match type(tree).__name__:
        case "Element":
            return
        case "Class":
            yield "class"
        case "Hash":
            yield "id"
        case "Attrib":
            yield tree.attrib.lower()
        case "Pseudo" if tree.ident in POSITIONS:
            yield "+"
        case "CombinedSelector":
            if tree.combinator in NEIGHBOURS:
                yield tree.combinator
            yield from _in_tree(tree.subselector)
        case _:
            yield "?"
            return
    yield from _in_tree(tree.selector)
