"""Who counts the connections of a pool, beside the pool."""

from __future__ import annotations

from typing import Protocol


class Slots(Protocol):
    """Who is asked about each connection of a pool. Called with the pool's lock."""

    def open(self) -> bool:
        """Tell whether one more may be opened, and count it if so; may let go of the lock."""

    def closed(self) -> None:
        """Take one back."""

    def worn(self, mails: int) -> bool:
        """Tell whether one that carried so many mails is to be closed."""

    def excess(self) -> int:
        """Return how many are too many now."""


class NoLimits:
    """As many connections as the pool has places, each for as long as it lives."""

    def open(self) -> bool:
        return True

    def closed(self) -> None:
        pass

    def worn(self, mails: int) -> bool:
        return False

    def excess(self) -> int:
        return 0
