"""What the addresses of a destination share: whose turn it is at its limits, and what is idle."""

from __future__ import annotations

import math
from threading import Lock
from typing import Protocol
from weakref import WeakValueDictionary

from delivery.destinations.budget import Budget, Limits
from delivery.transports.backlog import Backlog

RELIEF_SECONDS = 0.25  # as long as a refusal counts (`delivery.destinations.shared_tally`)


class Address(Protocol):
    """A host whose connections count."""

    def tidy(self, idle: float | None = None) -> None:
        """Close what was idle for so many seconds."""

    @property
    def is_empty(self) -> bool:
        """Whether it holds no connection."""


class MxDestination:
    """A provider with all its addresses, or one host. For many threads.

    Its limits may be used up at one address: then nothing is known at the others of how fast it
    goes on, and their mail is as one crowd. Times are of `time.monotonic()`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock = Lock()
        self._backlog, self._urgent = Backlog(), Backlog()
        self._addresses: set[Address] = set()  # that may hold connections
        self._relieved = -math.inf

    def taken(self, address: Address, now: float) -> None:
        """A mail found a place at an address."""
        with self._lock:
            self._addresses.add(address)
            self._backlog.taken(now)
            self._urgent.taken(now)

    def left(self, seconds: float) -> None:
        """A place was given back, after so long."""
        with self._lock:
            self._backlog.left(seconds)
            self._urgent.left(seconds)

    def wait(self, now: float, limits: Limits, *, urgent: bool) -> float:
        """Return in how many seconds a mail is to come again for which the limits left no room."""
        backlog = self._urgent if urgent else self._backlog
        with self._lock:
            return backlog.wait_for_share(now, limits.connections, limits.per_second)

    def relieve(self, now: float) -> bool:
        """Close what is idle, so that another address may have it; tell whether it was time to.

        More often than every RELIEF_SECONDS would leave no connection to be used again.
        """
        with self._lock:
            if now < self._relieved + RELIEF_SECONDS:
                return False
            self._relieved = now
            addresses = list(self._addresses)
        for address in addresses:
            address.tidy(idle=0)
            if address.is_empty:
                self.forget(address)
        return True

    def forget(self, address: Address) -> None:
        """It holds no connection any more, or is counted elsewhere."""
        with self._lock:
            self._addresses.discard(address)


class MxDestinations:
    """Finds the destination of a host; it is known as long as somebody keeps it."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._lock = Lock()
        self._known: WeakValueDictionary[str, MxDestination] = WeakValueDictionary()

    def of(self, host: str) -> MxDestination:
        """Return it, by the name under which the budget counts."""
        name = self._budget.destination(host)
        with self._lock:
            found = self._known.get(name)
            if found is None:
                found = self._known[name] = MxDestination(name)
            return found
