"""Counts connections to mail exchangers: against the budget, and all of them together."""

from __future__ import annotations

from threading import Lock

from delivery.destinations.budget import Budget


class OpenConnections:
    """How many there are, to all hosts."""

    def __init__(self) -> None:
        self.count = 0
        self._lock = Lock()

    def add(self, number: int) -> None:
        """Count more, or with a negative number less."""
        with self._lock:
            self.count += number


class MxSlots:
    """Those of one host, whose pool has `lock`; see `slots.Slots`."""

    def __init__(self, host: str, budget: Budget, all_open: OpenConnections, lock: Lock) -> None:
        self._host, self._budget, self._all_open, self._lock = host, budget, all_open, lock
        self.refused = False  # the budget's answer when it was asked last

    def open(self) -> bool:
        """Ask the budget for one more, without the lock."""
        self._lock.release()
        try:
            self.refused = not self._budget.open(self._host)
        finally:
            self._lock.acquire()
        if not self.refused:
            self._all_open.add(1)
        return not self.refused

    def closed(self) -> None:
        """Give one back."""
        self._all_open.add(-1)
        self._budget.closed(self._host)

    def worn(self, mails: int) -> bool:
        """Tell whether a connection has carried as many mails as it may."""
        return mails >= self._budget.limits(self._host).mails_per_connection

    def excess(self) -> int:
        """Return how many the budget wants back."""
        return self._budget.excess(self._host)
