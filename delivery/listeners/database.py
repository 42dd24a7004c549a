"""Work with the database, which blocks, beside an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from django.db import close_old_connections

T = TypeVar("T")
THREADS: Final = 8
_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="listener-database")


async def apart(work: Callable[[], T]) -> T:
    """Return what `work` returns, run in a thread with a connection that is still good."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _connected, work)


def _connected(work: Callable[[], T]) -> T:
    close_old_connections()
    try:
        return work()
    finally:
        close_old_connections()
