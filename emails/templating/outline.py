"""Where the tags of a template stand, for whoever looks at the markup between them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.template.base import DebugLexer, Token, TokenType

BLOCKS = {"if": "endif", "for": "endfor", "with": "endwith"}
BRANCHES = frozenset({"elif", "else", "empty"})
PRINTS = frozenset({"cycle", "firstof", "now"})
CONDITIONS = frozenset({"if", "elif"})  # print nothing

_MARKUP_FILTER = re.compile(r"\|\s*linebreaks(?:br)?\b")
_CONSTANT = re.compile(r""""(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*'""", re.VERBOSE)
_SPECIAL = re.compile(r"""[<>"'\\]""")
_TRUSTED = re.compile(r"\bbody\b")

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Outline:
    """A template in which tags print text alone: no `<`, `>` or quote comes out of one.

    `markup` is the source with an x for each character of a tag, so that places are the same in
    both. `tags` are the places of the tags, `bodies` what stands between two of them and is
    printed any number of times. `shows_body`: that holds only where the trusted body is empty.
    """

    source: str
    markup: str
    tags: tuple[Span, ...]
    bodies: tuple[Span, ...]
    shows_body: bool


def outline(source: str) -> Outline | None:
    """Of a source that compiles, its comments taken out; None where a tag may print markup."""
    short = without_comments(source)
    if short is None:
        return None
    tokens = [token for token in _tokens(short) if not _is_text(token)]
    if not all(map(_prints_text, tokens)):
        return None
    spans = tuple(_place(token) for token in tokens)
    markup = list(short)
    for start, end in spans:
        markup[start:end] = "x" * (end - start)
    return Outline(
        short,
        "".join(markup),
        spans,
        tuple(_bodies(tokens)),
        any(_TRUSTED.search(token.contents) for token in tokens),
    )


def without_comments(source: str) -> str | None:
    """The source without `{# … #}`, unless that joins what they hold apart to a tag."""
    tokens = _tokens(source)
    short = "".join(source[slice(*_place(token))] for token in tokens if not _is_comment(token))
    tags = [token.contents for token in tokens if not _is_text(token) and not _is_comment(token)]
    return short if tags == _tags(short) else None


def same_tags(source: str, edited: str) -> bool:
    """Whether edits of the markup between the tags left all tags as they were."""
    return _tags(source) == _tags(edited)


def _tags(source: str) -> list[str]:
    return [token.contents for token in _tokens(source) if not _is_text(token)]


def _tokens(source: str) -> list[Token]:
    return DebugLexer(source).tokenize()


def _place(token: Token) -> Span:
    assert token.position is not None
    return token.position


def _is_text(token: Token) -> bool:
    return token.token_type == TokenType.TEXT


def _is_comment(token: Token) -> bool:
    return token.token_type == TokenType.COMMENT


def _prints_text(token: Token) -> bool:
    name = _name(token)
    if name in CONDITIONS or name in BRANCHES or name in BLOCKS.values():
        return True
    if name and name not in BLOCKS and name not in PRINTS:
        return False
    # Variables are escaped. Constants are not, nor is what these filters make.
    constants = (found[0][1:-1] for found in _CONSTANT.finditer(token.contents))
    return not _MARKUP_FILTER.search(token.contents) and not any(map(_SPECIAL.search, constants))


def _name(token: Token) -> str:
    return token.contents.split(maxsplit=1)[0] if token.token_type == TokenType.BLOCK else ""


def _bodies(tokens: list[Token]) -> Iterator[Span]:
    begun: list[int] = []
    for token in tokens:
        name, (start, end) = _name(token), _place(token)
        if name in BLOCKS:
            begun.append(end)
        elif name in BRANCHES:
            yield begun.pop(), start
            begun.append(end)
        elif name in BLOCKS.values():
            yield begun.pop(), start
