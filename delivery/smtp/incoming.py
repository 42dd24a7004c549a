"""The bytes after DATA, up to their one true end (RFC 5321 §4.1.1.4, §4.5.2).

Servers that take anything but CRLF.CRLF as the end, or senders that let it through, can be made to
see two mails where the other side sees one (CVE-2023-51764, CVE-2024-27938). So a bare CR, a bare
LF and NUL are faults, wherever they stand.
"""

from __future__ import annotations

import re
from enum import StrEnum

_END = b"\r\n.\r\n"
_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n|\0")
_LINE_START_DOT = re.compile(rb"(?<=\r\n)\.")


class Fault(StrEnum):
    """Why a message can't be taken; the value is the reply."""

    BARE_LINE_END = "554 5.6.0 bare CR, bare LF or NUL in the message: lines end in CRLF"
    LINE_TOO_LONG = "554 5.6.0 a line of the message is too long"
    TOO_LARGE = "552 5.3.4 the message is too large"
    NO_ROOM = "452 4.3.1 too much mail comes in at once, try again later"


class Incoming:
    """One message in the making: feed it what comes until it is complete.

    At the first fault what came is forgotten; the rest is read, counted and dropped, so that the
    reply can stand where the sender expects it. `received` counts all bytes, `kept` those
    in memory.
    """

    def __init__(self, max_bytes: int, max_line: int) -> None:
        self._max_bytes, self._max_line = max_bytes, max_line
        self._kept = bytearray(b"\r\n")  # as if a line had ended: the first one may be the dot
        self._checked = 2
        self._line_start = 2
        self.received = 0
        self.fault: Fault | None = None
        self.rest = b""

    def feed(self, chunk: bytes) -> bool:
        """Take what came; tell whether the end was seen. `rest` is then what stands after it."""
        self.received += len(chunk)
        self._kept += chunk
        end = self._kept.find(_END, max(0, self._checked - len(_END)))
        if end >= 0:
            self.rest = bytes(self._kept[end + len(_END) :])
            self.received -= len(self.rest)
            del self._kept[end + len(_END) :]
        self._check(whole=end >= 0)
        return end >= 0

    @property
    def kept(self) -> int:
        """Bytes that are held."""
        return len(self._kept)

    def refuse(self, fault: Fault) -> None:
        """Find a fault that the bytes don't show, unless there was one before."""
        if not self.fault:
            self.fault = fault
            self._forget()

    def content(self) -> bytes:
        """Return the message, without what transparency added, and keep nothing of it.

        To be called once, when the end was seen.
        """
        whole, self._kept = self._kept, bytearray()
        return _LINE_START_DOT.sub(b"", memoryview(whole)[: -len(_END) + 2])[2:]

    def _check(self, *, whole: bool) -> None:
        """Look at what is new; of the last byte alone nothing can be said before the next comes."""
        until = len(self._kept) if whole else len(self._kept) - 1
        fault = self.fault or self._fault(until)
        if fault:
            self.fault = fault
            self._forget()
        else:
            self._checked = until

    def _forget(self) -> None:
        del self._kept[: -len(_END) + 1]  # the end may have begun
        self._checked = len(self._kept)

    def _fault(self, until: int) -> Fault | None:
        bare = _BARE.search(self._kept, max(1, self._checked - 1))
        if bare and bare.start() < until:
            return Fault.BARE_LINE_END
        if self._longest_line(until) > self._max_line:
            return Fault.LINE_TOO_LONG
        return Fault.TOO_LARGE if self.received > self._max_bytes else None

    def _longest_line(self, until: int) -> int:
        """Return the length of the longest line that ended now or goes on, its end included."""
        longest = 0
        while (found := self._kept.find(b"\n", self._line_start)) >= 0:
            longest = max(longest, found + 1 - self._line_start)
            self._line_start = found + 1
        return max(longest, until - self._line_start)
