"""Two changes to CSS text that inlining makes necessary; everything else of it stays."""

import re
from collections.abc import Iterator
from enum import Enum, auto
from functools import lru_cache

_TOKEN = re.compile(
    r"""
    (?P<skipped> /\*.*?(?:\*/|\Z) | \s+ )
  | (?P<mark> [{};] )
  | "(?:\\.|[^"\\])*+" | '(?:\\.|[^'\\])*+' | url\([^)"']*+\)
  | [^\s{};"'/u]++ | .
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_REACTS = re.compile(r":(?:hover|active|focus)\b", re.IGNORECASE)
_IMPORTANT = re.compile(r"!\s*important\s*\Z", re.IGNORECASE)
_NUMBER = r"[-+]?[\d.]+(?:%|deg)?"
_SPACED_COLOR = re.compile(
    rf"\b(rgb|hsl)a?\(\s*({_NUMBER})\s+({_NUMBER})\s+({_NUMBER})\s*(?:/\s*([\d.]+)(%?)\s*)?\)",
    re.IGNORECASE,
)


class _Block(Enum):
    GROUP = auto()  # @media, @supports: rules that hold sometimes
    RAISED = auto()  # declarations that have to win over what was inlined
    PLAIN = auto()
    OTHER = auto()  # @font-face, @keyframes, where !important means nothing


@lru_cache(maxsize=256)  # the mails of a template share their CSS
def with_priority(css: str, *, conditional: bool = False) -> str:
    """`!important` on what holds sometimes: rules in @media and @supports, `:hover` and its kin.

    A base rule that was inlined would win over them for ever. `conditional`: the whole sheet
    holds sometimes (`<style media="…">`).
    """
    return "".join(_raised(css, conditional))


def with_legacy_colors(css: str) -> str:
    """`rgb(0 0 0 / 50%)` as `rgba(0, 0, 0, 0.5)`: cssutils and many mail clients know only that."""
    return _SPACED_COLOR.sub(_with_commas, css)


def _raised(css: str, conditional: bool) -> Iterator[str]:
    blocks: list[_Block] = []
    words, held = "", ""  # the statement so far; spaces that may be its last
    for token in _TOKEN.finditer(css):
        text = token[0]
        if token["skipped"]:
            held += text
            continue
        if token["mark"]:
            if text != "{" and blocks[-1:] == [_Block.RAISED] and _is_unmarked(words):
                yield " !important"
            if text == "{":
                blocks.append(_kind_of(words, blocks, conditional))
            elif text == "}":
                del blocks[-1:]
            words = ""
        else:
            words += (" " if held and words else "") + text
        yield held + text
        held = ""
    yield held


def _is_unmarked(declaration: str) -> bool:
    return ":" in declaration and not _IMPORTANT.search(declaration)


def _kind_of(prelude: str, parents: list[_Block], conditional: bool) -> _Block:
    parent = parents[-1] if parents else _Block.GROUP if conditional else None
    if parent is _Block.OTHER:
        return _Block.OTHER
    if prelude.startswith("@"):
        is_group = prelude.lower().startswith(("@media", "@supports"))
        return _Block.GROUP if is_group else _Block.OTHER
    if parent is _Block.GROUP or _REACTS.search(prelude):
        return _Block.RAISED
    return _Block.PLAIN


def _with_commas(color: re.Match[str]) -> str:
    name, *written, alpha, percent = color.groups()
    channels = [channel.removesuffix("deg") for channel in written]
    if alpha is None:
        return f"{name}({', '.join(channels)})"
    share = float(alpha) / 100 if percent else float(alpha)
    return f"{name}a({', '.join(channels)}, {share:g})"
