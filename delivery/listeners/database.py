"""Django's database is asked in threads: an event loop must not wait for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Generic, TypeVar

from django.db import close_old_connections, connection

T = TypeVar("T")
CLOSE_SECONDS = 30.0


class Desk:
    """A few threads, each with a connection of its own."""

    def __init__(self, name: str, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"{name}-database")
        self._threads = threads

    def close(self) -> None:
        """Let go of the threads and their connections, once what they do is done."""
        together = threading.Barrier(self._threads)
        for _ in range(self._threads):  # one for each thread: none goes on before all have come
            self._pool.submit(_close, together)
        self._pool.shutdown()

    async def ask(self, work: Callable[..., T], *arguments: object) -> T:
        """Do it in one of the threads; raises what it raises.

        If the caller goes, what has begun goes on, and what waits is dropped.
        """
        errand = _Errand(work, arguments)
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._pool, errand.run)
        finally:
            errand.drop()


class _Errand(Generic[T]):
    """What one thread does. The pool may hold it for long after nobody waits for it."""

    def __init__(self, work: Callable[..., T], arguments: tuple[object, ...]) -> None:
        self._work: Callable[[], T] | None = partial(work, *arguments)

    def run(self) -> T:
        """A connection that broke is left behind, so that the next one is new."""
        work, self._work = self._work, None
        assert work  # the pool begins nothing that was cancelled
        close_old_connections()
        try:
            return work()
        finally:
            close_old_connections()

    def drop(self) -> None:
        """Hold no message any more."""
        self._work = None


def _close(together: threading.Barrier) -> None:
    together.wait(CLOSE_SECONDS)
    connection.close()
