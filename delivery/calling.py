"""Calls the other workers while more waits than this one takes."""

from __future__ import annotations

from collections.abc import Callable

LONGEST_PAUSE = 1.0
SHARE = 4  # of the time since the first call that passes until the next


class Calling:
    """Often at first, then less and less: who was to hear it has heard, or looks by itself.

    A bell costs this process, the broker, and the worker whom it wakes more than a mail does.
    """

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._since: float | None = None  # time.monotonic()
        self._next = 0.0

    def more_waits(self, now: float) -> None:
        """Call, unless that was done just now."""
        if self._since is None:
            self._since = self._next = now
        if now >= self._next:
            self._ring()
            self._next = now + min((now - self._since) / SHARE, LONGEST_PAUSE)

    def nothing_waits(self) -> None:
        """All was taken: what comes now is to be called for at once."""
        self._since = None
