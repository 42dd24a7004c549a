"""Edits of a text by place: everything between them stays byte for byte."""

from collections.abc import Iterable

Edit = tuple[int, int, str]  # text[start:end] becomes the string


def spliced(text: str, edits: Iterable[Edit]) -> str:
    """The text after edits that are in their order and do not overlap."""
    pieces, done = [], 0
    for start, end, new in edits:
        pieces += [text[done:start], new]
        done = end
    return "".join([*pieces, text[done:]])
