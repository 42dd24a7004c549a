"""What waits to be committed together: it knows when to wait for more no longer."""

from __future__ import annotations

import math
import time
from typing import Generic, TypeVar

Item = TypeVar("Item")

MOST_IN_ONE_COMMIT = 500
# Under load: a commit of twenty costs a third of four commits of five.
GATHER_SECONDS = 0.003  # at most, while more can be expected
MORE_SECONDS = 0.004  # at most, while those who hand in have other work


class Gathering(Generic[Item]):
    """Of one thread. While a commit goes on, the next one gathers."""

    def __init__(self) -> None:
        self._items: list[Item] = []
        self._since = 0.0  # time.monotonic()
        self._is_committing = False
        self._many = False  # were in the last commit: then more can be expected

    def add(self, item: Item) -> None:
        """Have it committed with what gathers."""
        if not self._items:
            self._since = time.monotonic()
        self._items.append(item)

    def seconds_left(self, *, idle: bool, silent: bool) -> float:
        """Return how long to wait for more at most; infinity while there is nothing to commit.

        `idle`: those who hand in have no other work. `silent`: nothing more comes of them before
        a commit.
        """
        if not self._items or self._is_committing:
            return math.inf
        if not self._many or (idle and silent):
            return 0
        longest = GATHER_SECONDS if idle else GATHER_SECONDS + MORE_SECONDS
        return max(self._since + longest - time.monotonic(), 0)

    def take(self) -> list[Item]:
        """Return what is to be committed now, together; `end` is to follow."""
        taken, self._items = self._items[:MOST_IN_ONE_COMMIT], self._items[MOST_IN_ONE_COMMIT:]
        self._is_committing, self._many = True, len(taken) > 1
        return taken

    def end(self) -> None:
        """The commit has ended."""
        self._is_committing = False
        self._since = time.monotonic()
