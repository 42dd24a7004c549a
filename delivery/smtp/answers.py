"""Keeps what DNS answered for its time to live, in the form in which it is asked for again."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

MOST_SECONDS = 86_400.0  # whatever a zone says: it may have been changed


class Answers:
    """The `most` that were asked for last: a hundredth of a resolver's work. For many threads."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = most, clock
        self._kept: OrderedDict[tuple[str, str], tuple[float, Sequence[Any] | None]] = OrderedDict()
        self._lock = Lock()

    def keep(self, name: str, kind: str, records: Sequence[Any] | None, seconds: float) -> None:
        """Keep records, or with None that the name does not exist."""
        ends = self._clock() + min(seconds, MOST_SECONDS)
        with self._lock:
            self._kept[name, kind] = ends, records
            self._kept.move_to_end((name, kind))
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)

    def get(self, name: str, kind: str) -> tuple[bool, Sequence[Any] | None]:
        """Return whether that is known, and what was kept."""
        with self._lock:
            ends, records = self._kept.get((name, kind), (0.0, None))
            if ends <= self._clock():
                return False, None
            self._kept.move_to_end((name, kind))
            return True, records
