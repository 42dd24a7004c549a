"""Recipients to which nothing was sent, until they are given back to the queue."""

from __future__ import annotations

import math
import time
from collections import deque
from contextlib import suppress

from delivery.claim import Delivery
from emails.giving_back import Unsent

GATHER_SECONDS = 0.25  # a commit for each would hold up the claims of other mail
MOST = 200  # that are kept so long, with their bodies


class Returns:
    """Added in one thread, taken in another. Times are of `time.monotonic()`."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Delivery, float]] = deque()
        self._since = math.inf

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


def unsent(delivery: Delivery, due: float) -> Unsent:
    """Return what the queue needs to know of one."""
    wait = max(due - time.monotonic(), 0)
    return Unsent(delivery.recipient.recipient_id, delivery.lease.token, wait)
