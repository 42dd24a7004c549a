"""Recipients to which nothing was sent, until they are given back, and when they are due again."""

from __future__ import annotations

import math
import time
from collections import deque
from contextlib import suppress

from delivery.claim import Delivery
from emails.giving_back import Unsent

GATHER_SECONDS = 0.25  # a commit for each would hold up the claims of other mail
MOST = 200  # that are kept so long, with their bodies
AHEAD_SECONDS = 5.0  # later ones are found by who looks for work in any case
APART_SECONDS = 0.25  # a look for each would be a claim for each


class Returns:
    """Added in one thread, taken in another. Times are of `time.monotonic()`."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Delivery, float]] = deque()
        self._since = math.inf
        self._due: set[int] = set()  # what was given back is due by these, in APART_SECONDS

    def add(self, delivery: Delivery, wait: float) -> bool:
        """Keep one that is to be due in `wait` seconds; tell whether `seconds_left` changed."""
        self._waiting.append((delivery, time.monotonic() + wait))
        first = self._since == math.inf
        if first:
            self._since = time.monotonic()
        return first or len(self._waiting) == MOST

    def __len__(self) -> int:
        return len(self._waiting)

    def seconds_left(self) -> float:
        """Return in how many seconds they are to be given back; infinity where there are none."""
        if len(self._waiting) >= MOST:
            return 0
        return max(self._since + GATHER_SECONDS - time.monotonic(), 0)

    def take(self) -> list[tuple[Delivery, float]]:
        """Take all, each with the time at which it is to be due."""
        self._since = math.inf
        taken = []
        with suppress(IndexError):  # others add meanwhile
            while True:
                taken.append(self._waiting.popleft())
        return taken

    def put_back(self, rows: list[tuple[Delivery, float]]) -> None:
        """Keep those again that could not be given back."""
        self._waiting.extend(rows)
        self._since = time.monotonic()

    def gave_back(self, rows: list[tuple[Delivery, float]], since: float) -> None:
        """Remember when those come again that are the queue's now.

        The database, which was told to begin with at `since`, counts from when it heard of it.
        """
        now = time.monotonic()
        moments = (due + now - since for _, due in rows if due < now + AHEAD_SECONDS)
        self._due.update(math.ceil(moment / APART_SECONDS) for moment in moments)

    def seconds_until_due(self) -> float:
        """Return in how many seconds some of them are due; infinity where none is."""
        return max(min(self._due, default=math.inf) * APART_SECONDS - time.monotonic(), 0)

    def are_due(self) -> bool:
        """Tell whether some of them became due since the last time."""
        now = time.monotonic() / APART_SECONDS
        passed = {due for due in self._due if due <= now}
        self._due -= passed
        return bool(passed)


def unsent(delivery: Delivery, due: float) -> Unsent:
    """Return what the queue needs to know of one."""
    wait = max(due - time.monotonic(), 0)
    return Unsent(delivery.recipient.recipient_id, delivery.lease.token, wait)
