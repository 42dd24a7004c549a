"""Header fields, folded at white space and never inside a URL or a msg-id (RFC 5322 §2.2.3)."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from delivery.mime.words import WORD_LIMIT, encoded_words
from emails.addresses import Address

LINE: Final = 76
"""Characters in a line where that is possible: a line with an encoded word has no more."""

_PHRASE = re.compile(r"[!#-'*+/-9=?A-Z^-~-]+(?: [!#-'*+/-9=?A-Z^-~-]+)*")  # atoms, no quotes
# Beside the longest field name; longer names are folded as encoded words, not inside quotes.
_PHRASE_LIMIT = LINE - len("Reply-To: ")
_RUN = re.compile(r"[ \t]*[^ \t]+")


def fold(name: str, tokens: Iterable[str]) -> str:
    """One field of indivisible tokens, each of which brings the white space before it along.

    The first token stays beside the name: some readers take a field that begins with an empty
    line for an empty field.
    """
    line, lines = f"{name}:", []
    for token in tokens:
        if len(line) + len(token) > LINE and len(line) > len(name) + 1:
            lines.append(line)
            line = ""
        line += token
    lines.append(line)
    return "\r\n".join(lines) + "\r\n"


def structured(name: str, value: str) -> str:
    """A field of ASCII tokens, written as they are."""
    if len(name) + len(value) + 2 <= LINE:
        return f"{name}: {value}\r\n"
    return fold(name, _RUN.findall(f" {value}"))


def unstructured(name: str, value: str) -> str:
    """A field of text for people, which a reader shows exactly as given (RFC 5322 §2.2.1)."""
    if _is_plain(value) and len(name) + len(value) + 2 <= LINE:
        return f"{name}: {value}\r\n"
    tokens = _RUN.findall(f" {value}")
    if not _is_plain(value) or max(map(len, tokens)) > LINE - len(name) - 1:
        tokens = [f" {word}" for word in encoded_words(value, _first_room(name))]
    return fold(name, tokens)


def addresses(name: str, mailboxes: Sequence[Address]) -> str:
    """A field of one or more mailboxes (RFC 5322 §3.4)."""
    tokens: list[str] = []
    for mailbox in mailboxes:
        tokens += _mailbox(mailbox)
        tokens[-1] += ","
    tokens[-1] = tokens[-1].removesuffix(",")
    return fold(name, tokens)


@lru_cache(maxsize=1024)  # the sender of all mails is one of a few
def _mailbox(address: Address) -> tuple[str, ...]:
    if not address.name:
        return (f" {address.addr_spec}",)
    return (*_phrase(address.name), f" <{address.addr_spec}>")


def _phrase(name: str) -> list[str]:
    if _is_plain(name):
        phrase = name if _PHRASE.fullmatch(name) else _quoted(name)
        if len(phrase) <= _PHRASE_LIMIT:
            return [f" {phrase}"]
    return [f" {word}" for word in encoded_words(name, _PHRASE_LIMIT)]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", r"\\").replace('"', r"\"")
    return f'"{escaped}"'


def _is_plain(text: str) -> bool:
    """Whether text needs no encoding to be read back as it was written.

    White space at its ends is lost when fields are unfolded, tabs are often made spaces, and
    text that looks like an encoded word would be decoded.
    """
    return text.isascii() and "=?" not in text and "\t" not in text and text == text.strip(" ")


def _first_room(name: str) -> int:
    return min(WORD_LIMIT, LINE - len(name) - 2)
