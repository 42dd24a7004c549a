"""The budget of a process that shares with nobody: its limits are its own."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Generic, TypeVar

from delivery.destinations.allowance import Rate, rate_of
from delivery.destinations.budget import Limits
from delivery.destinations.directory import Directory
from delivery.destinations.tallies import Host, Tallies, Tally

T = TypeVar("T", bound=Tally)


class CountingBudget(Generic[T]):
    """What every budget counts in memory, by a clock like `time.monotonic`."""

    def __init__(self, tallies: Tallies[T], clock: Callable[[], float]) -> None:
        self._tallies, self._clock = tallies, clock
        self.closing: list[Callable[[], None]] = []  # what is closed together with this

    @property
    def is_shared(self) -> bool:
        """Whether all workers count together."""
        return False

    def tallies(self) -> list[T]:
        """Return what is counted of each destination."""
        return self._tallies.all()

    def refusals(self) -> Counter[str]:
        """Return how often something had to wait, by the label of the destination."""
        sums = Counter(self._tallies.refusals)
        for tally in self.tallies():
            sums[tally.label] += tally.refusals
        return sums

    def follow(self, directory: Directory) -> None:
        """Go by these limits from now on."""
        self._tallies.follow(directory)

    def destination(self, host: str) -> str:
        """Return the name of what a host is counted as."""
        return self._tallies.host(host).tally.name

    def limits(self, host: str) -> Limits:
        """Return what holds now, lowered in proportion to the level."""
        tally = self._tallies.host(host).tally
        return adapted(tally, self._clock()) if tally.level.is_low else tally.limits

    def closed(self, host: str) -> None:
        """Count one connection less."""
        entry = self._tallies.host(host)
        with entry.locked() as tally:
            if entry.open:
                tally.open -= 1
                entry.open -= 1

    def close(self) -> None:
        """Close what belongs to it."""
        while self.closing:
            self.closing.pop()()


class LocalBudget(CountingBudget[Tally]):
    """Counts in memory alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(Tallies(Tally, clock), clock)

    def open(self, host: str) -> bool:
        """Count one more connection, if there may be one."""
        entry = self._tallies.host(host)
        with entry.locked() as tally:
            fits = tally.open < tally.level.now(self._clock())
            return opened(entry) if fits else refused(tally)

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
            rate = rate_towards(tally, now)
            wait = tally.bucket.take(rate, now) if rate else 0.0
            tally.refusals += wait > 0
            return wait

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


def opened(entry: Host[T]) -> bool:
    """Count one more connection to a host, with its lock held. Always true."""
    entry.tally.open += 1
    entry.open += 1
    return True


def refused(tally: Tally) -> bool:
    """Count that a connection had to wait, with the lock held. Always false."""
    tally.refusals += 1
    return False


def adapted(tally: Tally, now: float) -> Limits:
    """Return the limits, lowered in proportion to the level."""
    limits, level = tally.limits, tally.level.now(now)
    if level == limits.connections:
        return limits
    rate = limits.mails_per_minute
    lowered = rate and max(rate * level // limits.connections, 1)
    return replace(limits, connections=level, mails_per_minute=lowered)


def rate_towards(tally: Tally, now: float, workers: int = 1) -> Rate | None:
    """Return how fast mail may go now from one of so many processes; None: without a limit."""
    mails = adapted(tally, now).mails_per_minute
    return rate_of(max(mails // workers, 1)) if mails else None
