"""Errands: what blocks is done in threads of its own, which come as they are needed and stay."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

MOST_THREADS = 128  # storage that is slow may hold one for seconds


class Errands:
    """Runs functions, which raise nothing, in daemon threads: one that hangs holds up no exit."""

    def __init__(self, most: int = MOST_THREADS) -> None:
        self._most = most
        self._waiting: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._spare = 0  # threads that wait, less what waits for them

    def run(self, function: Callable[[], None]) -> None:
        """Have it done soon; from any thread. Raises RuntimeError where no thread can be had."""
        with self._lock:
            if self._spare < 1 and self._threads < self._most:
                threading.Thread(target=self._work, name="errands", daemon=True).start()
                self._threads += 1  # only now: the system may have no thread for us
                self._spare += 1
            self._spare -= 1
        self._waiting.put(function)

    def stop(self) -> None:
        """Let the threads end when they have done what waits."""
        for _ in range(self._threads):
            self._waiting.put(None)

    def _work(self) -> None:
        while function := self._waiting.get():
            function()
            with self._lock:
                self._spare += 1
