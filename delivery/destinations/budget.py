"""What a transport may do to a destination: the limits there, and who keeps count of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a destination gets from all workers together. All figures are 1 or more."""

    connections: int  # at once
    mails_per_connection: int
    mails_per_minute: int | None = None  # None: as many as it takes


class Budget(Protocol):
    """Counts connections and mails to destinations, over all workers where they share a Redis.

    `host` is the name of an MX host. Several hosts of one provider are one destination. Asked for
    each mail, by many threads: answers take microseconds. But `open` and `wait` may wait by WAITER
    for Redis, so they are called without a lock, and raise RuntimeError where no thread can be had
    to ask it. Nothing else raises.
    """

    def destination(self, host: str) -> str:
        """Return the name of what a host is counted as."""

    def limits(self, host: str) -> Limits:
        """Return what holds now; `connections` may be fewer than staff allow, see `overloaded`."""

    def open(self, host: str) -> bool:
        """Tell whether one more connection may be opened, and count it if so."""

    def closed(self, host: str) -> None:
        """Give back what `open` counted, once the connection is closed or could not be made."""

    def excess(self, host: str) -> int:
        """Return how many of this process's connections are too many: close them when they idle.

        More than none after an overload, or when another process waits for its share.
        """

    def wait(self, host: str) -> float:
        """Return 0.0 if a mail may go now, which is counted; else the seconds until one may."""

    def overloaded(self, host: str) -> None:
        """A 421 or 4.7.x was answered: all workers halve what they send there."""

    def served(self, host: str) -> None:
        """A mail was taken: after some of them, all workers may send a little more again."""

    def close(self) -> None:
        """Give everything back; the last call."""
