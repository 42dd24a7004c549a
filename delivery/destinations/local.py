"""The budget of a process that shares with nobody: no Redis, or it is away."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from delivery.destinations.allowance import rate_of
from delivery.destinations.directory import Directory
from delivery.destinations.tallies import Tallies, Tally
from delivery.transports.budget import Limits


class LocalBudget:
    """Counts in memory; the limits are this process's alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tallies: Tallies[Tally] = Tallies(Tally, clock)

    def follow(self, directory: Directory) -> None:
        """Go by these limits from now on."""
        self._tallies.follow(directory)

    def limits(self, host: str) -> Limits:
        """Return what holds now."""
        with self._tallies.host(host).locked() as tally:
            return adapted(tally, self._clock())

    def open(self, host: str) -> bool:
        """Count one more connection, if there may be one."""
        entry = self._tallies.host(host)
        with entry.locked() as tally:
            if tally.open >= tally.level.now(self._clock()):
                return False
            tally.open += 1
            entry.open += 1
            return True

    def closed(self, host: str) -> None:
        """Count one less."""
        entry = self._tallies.host(host)
        with entry.locked() as tally:
            if entry.open:
                tally.open -= 1
                entry.open -= 1

    def excess(self, host: str) -> int:
        """Return how many connections are open beyond the level."""
        with self._tallies.host(host).locked() as tally:
            return max(tally.open - tally.level.now(self._clock()), 0)

    def wait(self, host: str) -> float:
        """Count a mail and return 0.0, or return the seconds until it may go."""
        entry = self._tallies.host(host)
        if entry.tally.limits.mails_per_minute is None:
            return 0.0
        with entry.locked() as tally:
            now = self._clock()
            rate = adapted(tally, now).mails_per_minute
            return tally.bucket.take(rate_of(rate), now) if rate else 0.0

    def overloaded(self, host: str) -> None:
        """Halve, once for each storm."""
        with self._tallies.host(host).locked() as tally:
            tally.level.overloaded(self._clock())

    def served(self, host: str) -> None:
        """Go up again, if it was lowered."""
        entry = self._tallies.host(host)
        if entry.tally.level.is_low:
            with entry.locked() as tally:
                tally.level.served(self._clock())

    def close(self) -> None:
        """Nothing is to be given back."""


def adapted(tally: Tally, now: float) -> Limits:
    """Return the limits, lowered in proportion to the level."""
    limits, level = tally.limits, tally.level.now(now)
    if level == limits.connections:
        return limits
    rate = limits.mails_per_minute
    lowered = rate and max(rate * level // limits.connections, 1)
    return replace(limits, connections=level, mails_per_minute=lowered)
