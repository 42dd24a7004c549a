"""A condition variable, and what is built on it, for threads and for tasks of a hub alike."""

from __future__ import annotations

import threading
from collections import deque

from delivery.smtp.waiting import WAITER, Baton


class Condition:
    """Like threading.Condition, with a lock that is held only while nothing waits."""

    def __init__(self, lock: threading.Lock | None = None) -> None:
        self._lock = lock or threading.Lock()
        self._waiting: deque[Baton] = deque()
        self._called = 0  # notified, and not yet back

    def __enter__(self) -> bool:
        return self._lock.__enter__()

    def __exit__(self, *error: object) -> None:
        self._lock.release()

    def wait(self, timeout: float | None = None) -> bool:
        """Let go of the lock until notified, or for `timeout` seconds; tell which it was."""
        baton = WAITER.get().baton()
        self._waiting.append(baton)
        self._lock.release()
        try:
            notified = baton.wait(timeout)
        finally:
            self._lock.acquire()
            try:
                self._waiting.remove(baton)
            except ValueError:  # whoever notified has taken it out
                self._called -= 1
        return notified

    def notify(self, n: int = 1) -> None:
        """Wake those `n` that have waited longest; with the lock held."""
        for _ in range(min(n, len(self._waiting))):
            self._called += 1
            self._waiting.popleft().pass_on()

    def notify_up_to(self, n: int) -> None:
        """Wake so many that `n` are on their way, with those who are already; with the lock held.

        For who tells each time how much there is now: it would wake many for the same thing.
        """
        self.notify(n - self._called)

    def notify_all(self) -> None:
        """Wake all; with the lock held."""
        self.notify(len(self._waiting))


class Happening:
    """Something that happens once; like threading.Event."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._has_happened = False

    def set(self) -> None:
        """Let all go on who wait for it, and who will."""
        with self._changed:
            self._has_happened = True
            self._changed.notify_all()

    def wait(self, seconds: float) -> bool:
        """Return whether it happens within so many seconds."""
        with self._changed:
            return self._has_happened or self._changed.wait(seconds)


class Turn:
    """A lock that may be held while one waits; the first of those whom it let wait goes on."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._taken = False

    def __enter__(self) -> None:
        with self._changed:
            while self._taken:
                self._changed.wait()
            self._taken = True

    def __exit__(self, *error: object) -> None:
        with self._changed:
            self._taken = False
            self._changed.notify_all()  # most see that there is nothing left for them to do
