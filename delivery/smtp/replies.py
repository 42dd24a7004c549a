"""SMTP replies: one or more lines from the server, read into a value (RFC 5321 §4.2, RFC 2034)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from .errors import ProtocolError

MAX_LINES = 128
"""More lines than any server has extensions; a reply that goes on is an attack or a fault."""

_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?:\s+|$)")


def _derived() -> bool:
    """A field that follows from the code; once for each reply, as replies are kept."""
    return field(init=False, repr=False, compare=False)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply. `enhanced` is the status code of RFC 3463, and no longer part of `text`.

    `text` has one line per line of the reply, joined by a line feed, and holds nothing
    unprintable, so that it can be stored and shown anywhere.
    """

    code: int
    enhanced: str | None
    text: str
    positive: bool = _derived()
    """2yz: done."""
    intermediate: bool = _derived()
    """3yz: go on."""
    transient: bool = _derived()
    """4yz: not now."""
    permanent: bool = _derived()
    """5yz: not at all."""

    def __post_init__(self) -> None:
        for digit, name in enumerate(("positive", "intermediate", "transient", "permanent"), 2):
            object.__setattr__(self, name, self.code // 100 == digit)

    def __str__(self) -> str:
        return " ".join(str(part) for part in (self.code, self.enhanced, self.text) if part)


def read_reply(next_line: Callable[[], bytes]) -> Reply:
    """Read lines (without their line end) up to the last one of a reply.

    Raises ProtocolError where `parse_reply` does, or for more than MAX_LINES lines.
    """
    lines = [next_line()]
    if reply := _parse_only(lines[0]):
        return reply
    while _announces_another(lines[-1]):
        if len(lines) == MAX_LINES:
            raise ProtocolError(f"reply of more than {MAX_LINES} lines")
        lines.append(next_line())
    return parse_reply(lines)


@lru_cache(maxsize=256)  # "250 2.1.0 Ok": servers say the same words again and again
def _parse_only(line: bytes) -> Reply | None:
    """Return the reply of one line; None for the first of several."""
    return None if _announces_another(line) else parse_reply([line])


def parse_reply(lines: Sequence[bytes]) -> Reply:
    """Parse the complete lines of one reply.

    Raises ProtocolError for a line that is no reply line, for codes that differ between the
    lines, and for a reply that ends too early or too late (RFC 5321 §4.2.1).
    """
    parts = [_split(line) for line in lines]
    if len({code for code, _, _ in parts}) != 1:
        raise ProtocolError("reply codes differ within one reply, or there is none")
    if [more for _, more, _ in parts] != [True] * (len(parts) - 1) + [False]:
        raise ProtocolError("reply lines are not continued as they should be")
    enhanced, text = _take_enhanced([text for _, _, text in parts])
    return Reply(parts[0][0], enhanced, text)


def _announces_another(line: bytes) -> bool:
    return line[3:4] == b"-" and _LINE.fullmatch(line) is not None


def _split(line: bytes) -> tuple[int, bool, str]:
    match = _LINE.fullmatch(line)
    if match is None:
        raise ProtocolError(f"not an SMTP reply: {line[:80]!r}")
    return int(match[1]), match[2] == b"-", _printable(match[3] or b"")


def _printable(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    if not text.isprintable():
        text = "".join(char if char.isprintable() else "\ufffd" for char in text)
    return text.strip()


def _take_enhanced(texts: list[str]) -> tuple[str | None, str]:
    """Lift the status code off the text; servers repeat it on each line (RFC 2034 §4)."""
    match = _ENHANCED.match(texts[0])
    if match is None:
        return None, "\n".join(texts)
    code = match[1]
    return code, "\n".join(text.removeprefix(code).lstrip() for text in texts)
