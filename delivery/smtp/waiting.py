"""How code waits that stands in straight lines: by blocking its thread, or as its context says."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextvars import ContextVar
from select import poll
from typing import Protocol, TypeVar

_Result = TypeVar("_Result")


class Baton(Protocol):
    """One waits for it, once; another passes it on, once, from any thread."""

    def wait(self, seconds: float | None) -> bool:
        """Return true once it was passed on, false after `seconds`."""

    def pass_on(self) -> None:
        """Let the one who waits go on."""


class Waiter(Protocol):
    """What waits on behalf of the code that asks."""

    def until_ready(self, sock: socket.socket, event: int, seconds: float) -> bool:
        """Wait for POLLIN or POLLOUT, or for the end of the connection; false after `seconds`."""

    def elsewhere(self, function: Callable[[], _Result]) -> _Result:
        """Return what `function` does, which may block its thread."""

    def aside(self, function: Callable[[], None]) -> None:
        """Begin `function`, which may wait too, and go on; it must raise nothing."""

    def baton(self) -> Baton:
        """Return a baton for the one who asks."""

    def pause(self) -> None:
        """Let others come as far as here first, for a moment at most."""


class Blocking:
    """Waits as threads do. The way of everybody who has not set another."""

    def until_ready(self, sock: socket.socket, event: int, seconds: float) -> bool:
        """Poll."""
        polled = poll()
        polled.register(sock, event)
        return bool(polled.poll(seconds * 1000))

    def elsewhere(self, function: Callable[[], _Result]) -> _Result:
        """Do it here."""
        return function()

    def aside(self, function: Callable[[], None]) -> None:
        """Begin it in a thread."""
        threading.Thread(target=function, daemon=True).start()

    def baton(self) -> Baton:
        """Return a lock that is held until it is passed on."""
        return _ThreadBaton()

    def pause(self) -> None:
        """Go on: other threads have their turns anyway."""


class _ThreadBaton:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def wait(self, seconds: float | None) -> bool:
        return self._lock.acquire(timeout=-1 if seconds is None else seconds)

    def pass_on(self) -> None:
        self._lock.release()


WAITER: ContextVar[Waiter] = ContextVar("WAITER", default=Blocking())  # noqa: B039  it has no state
