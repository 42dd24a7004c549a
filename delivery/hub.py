"""One thread that runs many tasks, each written as straight code, while the others wait.

A task is a greenlet: it goes on until it waits, through WAITER, for a socket, a baton or an errand.
What is ready goes on before what is new begins, so that no connection waits for long; new tasks
begin in rows, each up to where it pauses or waits.
"""

from __future__ import annotations

import logging
import math
import os
import socket
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from select import EPOLLIN, EPOLLONESHOT, epoll
from typing import TypeVar

from greenlet import GreenletExit, getcurrent, greenlet

from delivery.errands import Errands
from delivery.smtp.waiting import WAITER

logger = logging.getLogger(__name__)
_Result = TypeVar("_Result")

# One kind of work for so long keeps caches warm: 3 ms took 5 % more of the processor's time.
ROW_SECONDS = 0.01
_SOCKET = object()  # what a task waits for that waits for its socket


@dataclass(slots=True, eq=False)
class Task:
    """One of those that share the thread, and does one duty after the other.

    To make a greenlet costs more than all of its switches.
    """

    runs: greenlet
    awaits: object = None  # what it waits for; None while it does not
    gives_up: float = math.inf  # time.monotonic()


class Hub:
    """A Waiter for its tasks. Only `post` and the batons may be used from other threads.

    `idle` is set while all tasks wait, `silent` while none of them waits for a socket.
    """

    def __init__(self) -> None:
        self.idle, self.silent = threading.Event(), threading.Event()
        self._epoll = epoll()
        self._alarm = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        # Only when nobody is left who might still raise it.
        weakref.finalize(self, os.close, self._alarm).atexit = False
        self._epoll.register(self._alarm, EPOLLIN)
        self._errands = Errands()
        self._posted: deque[Callable[[], None]] = deque()
        self._ready: deque[tuple[Task, object]] = deque()  # and with what it goes on
        self._new: deque[Callable[[], None]] = deque()
        self._spare: list[Task] = []
        self._polled: dict[int, Task] = {}
        self._waiting: set[Task] = set()
        self._soonest = math.inf  # no task gives up before; time.monotonic()
        self._asleep = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="delivery", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Do what was posted, and end; tasks that still wait are ended where they stand."""
        self.post(self._stop)
        self._thread.join(timeout)

    def post(self, function: Callable[[], None]) -> None:
        """Have `function`, which does not wait, called by the hub; in order, from any thread."""
        self._posted.append(function)
        if self._asleep:
            self._asleep = False
            os.eventfd_write(self._alarm, 1)

    def spawn(self, function: Callable[[], None]) -> None:
        """Begin a task, when nothing else is left to do; from the hub's own thread."""
        self._new.append(function)

    # --- What tasks wait for ---

    def until_ready(self, sock: socket.socket, event: int, seconds: float) -> bool:
        """Wait for POLLIN or POLLOUT, which are those of epoll, too."""
        number = sock.fileno()
        try:
            self._epoll.modify(number, event | EPOLLONESHOT)
        except FileNotFoundError:  # a new one; the system forgets those that were closed
            self._epoll.register(number, event | EPOLLONESHOT)
        task = self._running
        self._polled[number] = task
        try:
            return self._wait(task, _SOCKET, seconds)
        finally:
            self._polled.pop(number, None)

    def elsewhere(self, function: Callable[[], _Result]) -> _Result:
        """Have it done by a thread for errands."""
        done: Future[_Result] = Future()
        baton = self.baton()

        def run() -> None:
            try:
                done.set_result(function())
            except BaseException as error:  # noqa: BLE001  raised where it was asked for
                done.set_exception(error)
            baton.pass_on()

        self._errands.run(run)
        baton.wait(None)
        return done.result()

    def aside(self, function: Callable[[], None]) -> None:
        """Begin another task, before the next row of what is new."""
        self._ready.append((self._idle_task(), function))

    def baton(self) -> Baton:
        """Return a baton for the task that asks."""
        return Baton(self, self._running)

    def pause(self) -> None:
        """Let what is new begin first, as long as a row may last."""
        self._ready.append((self._running, True))
        self._loop.switch()

    def _wait(self, task: Task, awaited: object, seconds: float) -> bool:
        task.awaits, task.gives_up = awaited, time.monotonic() + seconds
        self._soonest = min(self._soonest, task.gives_up)
        self._waiting.add(task)
        return bool(self._loop.switch())

    def _go_on(self, task: Task, awaited: object, found: bool) -> None:
        """Let a task run again, if that is what it still waits for."""
        if task.awaits is awaited:
            task.awaits = None
            self._waiting.discard(task)
            self._ready.append((task, found))

    def pass_on(self, baton: Baton, task: Task) -> None:
        """Let the task go on that waits for `baton`; from any thread."""
        if threading.get_ident() == self._thread.ident:
            self._go_on(task, baton, True)
        else:
            self.post(partial(self._go_on, task, baton, True))

    # --- The loop ---

    def _run(self) -> None:
        self._loop = getcurrent()
        while not self._stopping:
            self._do_posted()
            self._run_tasks()
            self._look()
            self._give_up()
        for task in [*self._waiting, *self._spare, *(task for task, _ in self._ready)]:
            self._running = task
            task.runs.throw()
        self._errands.stop()
        self._epoll.close()

    def _stop(self) -> None:
        self._stopping = True

    def _do_posted(self) -> None:
        for _ in range(len(self._posted)):
            _guarded(self._posted.popleft())

    def _run_tasks(self) -> None:
        if not self._ready:
            self._begin_row()
        for _ in range(len(self._ready)):
            self._switch_to(*self._ready.popleft())

    def _begin_row(self) -> None:
        ends = time.monotonic() + ROW_SECONDS
        while self._new:
            self._switch_to(self._idle_task(), self._new.popleft())
            if time.monotonic() >= ends:
                break

    def _idle_task(self) -> Task:
        return self._spare.pop() if self._spare else Task(greenlet(self._live, self._loop))

    def _switch_to(self, task: Task, value: object) -> None:
        self._running = task
        task.runs.switch(value)

    def _look(self) -> None:
        """See which sockets are ready; sleep, where nothing else is to be done."""
        seconds = self._idle_seconds()
        self._asleep = seconds != 0
        if self._posted:  # by somebody who did not yet see us asleep
            seconds = 0
        found = self._epoll.poll(0) if seconds == 0 else self._sleep(seconds)
        self._asleep = False
        for number, _ in found:
            if task := self._polled.get(number):
                self._go_on(task, _SOCKET, True)
            elif number == self._alarm:
                os.eventfd_read(number)

    def _sleep(self, seconds: float | None) -> list[tuple[int, int]]:
        self.idle.set()
        if not self._polled:
            self.silent.set()
        found = self._epoll.poll(seconds)
        self.idle.clear()
        self.silent.clear()
        return found

    def _idle_seconds(self) -> float | None:
        if self._ready or self._new or self._stopping:
            return 0
        if self._soonest == math.inf:
            return None
        return max(self._soonest - time.monotonic(), 0)

    def _give_up(self) -> None:
        """Let those go on that have waited long enough."""
        now = time.monotonic()
        if now < self._soonest:
            return
        for task in [task for task in self._waiting if task.gives_up <= now]:
            self._go_on(task, task.awaits, False)
        self._soonest = min((task.gives_up for task in self._waiting), default=math.inf)

    def _live(self, duty: Callable[[], None]) -> None:
        WAITER.set(self)
        while True:
            _guarded(duty)
            del duty  # and all that hangs on it
            self._spare.append(self._running)
            duty = self._loop.switch()


class Baton:
    """Passed on to a task."""

    __slots__ = ("_hub", "_task")

    def __init__(self, hub: Hub, task: Task) -> None:
        self._hub, self._task = hub, task

    def wait(self, seconds: float | None) -> bool:
        """Return true once it was passed on, false after `seconds`."""
        return self._hub._wait(self._task, self, math.inf if seconds is None else seconds)

    def pass_on(self) -> None:
        """Let the task go on; from any thread."""
        self._hub.pass_on(self, self._task)


def _guarded(function: Callable[[], None]) -> None:
    try:
        function()
    except GreenletExit:  # the hub ends
        raise
    except BaseException:  # the others must go on, also after a panic of Rust
        logger.exception("something in the delivery thread broke off")
