"""How many recipients a worker holds claimed: enough that no connection waits for a claim."""

from __future__ import annotations

import time
from collections.abc import Callable

AHEAD_SECONDS = 0.25
LEAST_AHEAD = 20
MOST_AHEAD = 500
LEAST_MEASURED_SECONDS = 0.1


class Appetite:
    """Learns from how fast mail goes; its owner has the lock.

    A claim costs about the same for one as for a hundred, so a fast worker claims what it will
    begin within a quarter second. A slow one claims little, and leaves the rest to others.
    """

    def __init__(self, concurrency: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._concurrency, self._clock = concurrency, clock
        self._since = clock()
        self._done = 0
        self._least = self._ahead = min(concurrency, LEAST_AHEAD)

    def done(self) -> None:
        """One more is off our hands."""
        self._done += 1

    def capacity(self) -> int:
        """Return how many may be claimed at once: those in flight, and those to go next."""
        passed = self._clock() - self._since
        if passed >= LEAST_MEASURED_SECONDS:
            soon = int(self._done / passed * AHEAD_SECONDS)
            self._ahead = max(self._least, min(soon, MOST_AHEAD))
            self._since, self._done = self._clock(), 0
        return self._concurrency + self._ahead
