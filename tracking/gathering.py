"""Lets threads that have something to store at the same time share one write."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")
MOST_TOGETHER = 500


class _Place(Generic[T]):
    """A thread that waits with what it brought; its lock is open when it may go on."""

    __slots__ = ("brought", "fault", "lock", "writes")

    def __init__(self, brought: T) -> None:
        self.brought = brought
        self.lock = Lock()
        self.lock.acquire()
        self.writes = False  # it is this thread that writes next, for all who wait
        self.fault: BaseException | None = None


class Gathering(Generic[T]):
    """A queue before `store`, which one of those who wait calls for all of them.

    While it writes, the next gather. So a commit is shared by as many as come during the one
    before it, a single thread waits for nobody, and no thread or connection is held in reserve.
    """

    def __init__(self, store: Callable[[list[T]], None]) -> None:
        self._store = store
        self._lock = Lock()
        self._waiting: list[_Place[T]] = []
        self._is_writing = False

    def bring(self, item: T) -> None:
        """Return once `store` has returned for `item` (and others), or raise what it raised."""
        place = _Place(item)
        with self._lock:
            self._waiting.append(place)
            place.writes, self._is_writing = not self._is_writing, True
        if not place.writes:
            place.lock.acquire()
        if place.writes:
            self._write()
        if place.fault:
            raise place.fault

    def _write(self) -> None:
        """Store what waits, this thread's own first of all, and name who writes next."""
        with self._lock:
            batch = self._waiting[:MOST_TOGETHER]
            del self._waiting[:MOST_TOGETHER]
        fault: BaseException | None = None
        try:
            self._store([place.brought for place in batch])
        except BaseException as error:  # noqa: BLE001  it is raised again, in every thread
            fault = error
        self._let_next_write()
        for place in batch:
            place.fault = fault
            place.lock.release()

    def _let_next_write(self) -> None:
        with self._lock:
            if not self._waiting:
                self._is_writing = False
                return
            self._waiting[0].writes = True
            self._waiting[0].lock.release()
