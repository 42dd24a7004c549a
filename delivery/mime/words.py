"""Text beyond ASCII in a header: RFC 2047 encoded words."""

from binascii import b2a_base64
from collections.abc import Callable, Iterator
from typing import Final

WORD_LIMIT: Final = 75
"""Characters in one encoded word (RFC 2047 §2)."""

_OVERHEAD = len("=?utf-8?q??=")
# What may stand for itself in every place, display names included (RFC 2047 §5, rule 3).
_LITERAL = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!*+-/")
_Q = [chr(octet) if octet in _LITERAL else f"={octet:02X}" for octet in range(256)]
_Q[ord(" ")] = "_"


def encoded_words(text: str, first_limit: int = WORD_LIMIT) -> list[str]:
    """Write text as encoded words, none of which splits a character.

    What fits one word stays legible (Q); the rest takes the shorter encoding.
    White space between them is no part of the text (RFC 2047 §6.2), so they can be folded there.
    `first_limit` bounds the first word, which shares its line with the field name; 24 or more.
    """
    octets = text.encode()
    literal = _q(octets)
    if len(literal) <= first_limit - _OVERHEAD:
        return [f"=?utf-8?q?{literal}?="]
    if len(literal) <= len(octets) * 4 / 3:
        pieces = _split(text, _q_width, first_limit - _OVERHEAD, WORD_LIMIT - _OVERHEAD)
        return [f"=?utf-8?q?{_q(piece.encode())}?=" for piece in pieces]
    pieces = _split(text, _octets, _b_room(first_limit), _b_room(WORD_LIMIT))
    return [f"=?utf-8?b?{_b(piece.encode())}?=" for piece in pieces]


def _split(text: str, width: Callable[[str], int], first: int, rest: int) -> Iterator[str]:
    start, used, room = 0, 0, first
    for index, character in enumerate(text):
        needed = width(character)
        if used + needed > room:
            yield text[start:index]
            start, used, room = index, 0, rest
        used += needed
    yield text[start:]


def _octets(character: str) -> int:
    return 1 if character < "\x80" else len(character.encode())


def _q_width(character: str) -> int:
    if character < "\x80":
        return len(_Q[ord(character)])
    return 3 * len(character.encode())


def _b_room(limit: int) -> int:
    """How many octets base64 brings into a word of that many characters."""
    return (limit - _OVERHEAD) // 4 * 3


def _q(octets: bytes) -> str:
    return "".join([_Q[octet] for octet in octets])


def _b(octets: bytes) -> str:
    return b2a_base64(octets, newline=False).decode("ascii")
