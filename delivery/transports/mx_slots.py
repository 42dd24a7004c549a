"""Counts connections to mail exchangers: against the budget, and all of them together."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock

from delivery.destinations.budget import Budget


class Count:
    """A number that many threads count up and down."""

    def __init__(self) -> None:
        self.number = 0
        self._lock = Lock()

    def add(self, number: int) -> None:
        """Count more, or with a negative number less."""
        with self._lock:
            self.number += number


@dataclass(frozen=True, slots=True)
class Crowd:
    """What all hosts have together: connections, and deliveries that wait for a place."""

    may_wait: int
    connections: Count = field(default_factory=Count)
    waiting: Count = field(default_factory=Count)

    def may_one_more_wait(self) -> bool:
        """Tell whether places are left for those whose hosts have some."""
        return self.waiting.number < self.may_wait


class MxSlots:
    """Those of one host, whose pool has `lock`; see `slots.Slots`."""

    def __init__(self, host: str, budget: Budget, connections: Count, lock: Lock) -> None:
        self._host, self._budget, self._connections, self._lock = host, budget, connections, lock
        self.refused = False  # the budget's answer when it was asked last

    def open(self) -> bool:
        """Ask the budget for one more, without the lock."""
        self._lock.release()
        try:
            self.refused = not self._budget.open(self._host)
        finally:
            self._lock.acquire()
        if not self.refused:
            self._connections.add(1)
        return not self.refused

    def closed(self) -> None:
        """Give one back."""
        self._connections.add(-1)
        self._budget.closed(self._host)

    def worn(self, mails: int) -> bool:
        """Tell whether a connection has carried as many mails as it may."""
        return mails >= self._budget.limits(self._host).mails_per_connection

    def excess(self) -> int:
        """Return how many the budget wants back."""
        return self._budget.excess(self._host)
