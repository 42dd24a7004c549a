"""One address of a mail exchanger: its connections, who waits for them, and who is sent off."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from threading import Lock

from delivery.condition import Condition
from delivery.destinations.budget import Budget
from delivery.smtp import Endpoint, Outcome, OutcomeKind, Phase
from delivery.transports.backlog import Backlog
from delivery.transports.base import Envelope
from delivery.transports.breaker import Breaker
from delivery.transports.limiter import Limiter
from delivery.transports.mx_slots import Crowd, MxSlots
from delivery.transports.pool import CLOSING, Place, Pool

START = 1  # a host that never answers then holds one connection, whatever waits for it
MOST = 500  # connections of one worker; the budget has the last word
PATIENCE = 0.3  # seconds that a delivery waits for a place
LEAST_WAITING = 4  # may wait for a host; twice as many as it serves, where that is more
IDLE_SECONDS = 5.0  # an open connection costs a stranger something too


class MxHost:
    """What all domains whose mail goes to one address share.

    `users` is counted by the registry. A delivery waits for a place only briefly, only where that
    is likely to help, and only beside few others.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        budget: Budget,
        crowd: Crowd,
        relieve: Callable[[str], None],
    ) -> None:
        self.name = endpoint.host
        self.users = 0
        self._budget, self._crowd, self._relieve = budget, crowd, relieve
        self._address = f"{endpoint.host}[{endpoint.address}]:{endpoint.port}"
        self._lock = Lock()
        self._slots = MxSlots(endpoint.host, budget, crowd.connections, self._lock)
        self._limiter = Limiter(MOST, START)
        news = Condition(self._lock)
        self._pool = Pool(endpoint, self._limiter, Breaker(), self._lock, news, slots=self._slots)
        self._backlog, self._urgent = Backlog(), Backlog()  # a batch is not ahead of single mails
        self._waiting = 0
        self._closed = False

    def take(self, urgent: bool = False) -> Place | Outcome:
        """Hold a place for one mail; else ABANDONED, or deferred while the host is left alone."""
        taken = self._take()
        if taken is None and self._slots.refused:
            self._relieve(self.name)  # of others that share its limits, if they are idle
            taken = self._take()
        if isinstance(taken, Outcome):
            return taken
        if taken is None:
            return self._sent_off(urgent)
        try:
            wait = self._budget.wait(self.name)
        except BaseException:
            self._pool.release(taken)
            raise
        if wait:
            self._pool.release(taken)
            return self._sent_off(urgent, wait)
        return taken

    def _take(self) -> Place | Outcome | None:
        ends = time.monotonic() + PATIENCE
        with self._lock:
            while not self._closed:
                now = time.monotonic()
                if not self._pool.allows(now):
                    break
                if place := self._pool.take():
                    self._backlog.taken(now)
                    self._urgent.taken(now)
                    return place
                if now >= ends or not self._is_worth_waiting(now):
                    return None
                self._wait(ends - now)
            else:
                return None
        return self._pool.absent()

    def _is_worth_waiting(self, now: float) -> bool:
        held = self._limiter.in_use
        if not held or self._waiting >= max(2 * held, LEAST_WAITING):
            return False
        if not self._crowd.may_one_more_wait():
            return False
        return (self._waiting + 1) * self._backlog.each(now) / held < PATIENCE

    def _wait(self, seconds: float) -> None:
        self._waiting += 1
        self._crowd.waiting.add(1)
        try:
            self._pool.freed.wait(seconds)
        finally:
            self._waiting -= 1
            self._crowd.waiting.add(-1)

    def _sent_off(self, urgent: bool, least: float = 0.0) -> Outcome:
        limits = self._budget.limits(self.name)
        per_minute = limits.mails_per_minute
        per_second = per_minute / 60 if per_minute else math.inf
        backlog = self._urgent if urgent else self._backlog
        with self._lock:
            if self._closed:
                wait = 0.0
            else:
                now, places = time.monotonic(), limits.connections
                holds_any = self._pool.holds_any
                wait = backlog.wait(now, places, per_second, holds_any=holds_any)
        detail = "the host has no place for more mail now"
        return Outcome(
            OutcomeKind.ABANDONED, Phase.CONNECT, self._address, detail, wait=max(wait, least)
        )

    def send(self, place: Place, envelope: Envelope) -> Outcome:
        """Hand over one mail, and learn from what comes of it."""
        outcome = place.send(envelope)
        if _is_of_overload(outcome):
            self._budget.overloaded(self.name)
            with self._lock:
                self._limiter.overloaded(place.era)
        elif outcome.kind is OutcomeKind.DELIVERED:
            self._budget.served(self.name)
        return outcome

    def release(self, place: Place, seconds: float) -> None:
        """Give a place back that was held for so long."""
        with self._lock:
            self._backlog.left(seconds)
            self._urgent.left(seconds)
        self._pool.release(place)

    @property
    def connections(self) -> int:
        """How many are open."""
        return self._pool.connections()

    def busy(self) -> list[Place]:
        """Return the places that are held."""
        return self._pool.busy()

    def tidy(self, idle: float | None = None) -> None:
        """Close what was idle for `idle` or IDLE_SECONDS, and what the budget calls too much."""
        self._pool.tidy(IDLE_SECONDS if idle is None else idle)

    def admit_no_more(self) -> None:
        """Send off who waits, and whoever comes."""
        with self._lock:
            self._closed = True
            self._pool.freed.notify_all()

    def interrupt(self) -> None:
        """Cut what is on its way."""
        self.admit_no_more()
        self._pool.interrupt()

    def close(self) -> None:
        """Say QUIT on every idle connection."""
        self._pool.close()


def _is_of_overload(outcome: Outcome) -> bool:
    """421 anywhere, and 4.7.x: policy, which at this code means too much or too fast."""
    reply = outcome.reply
    if reply is None or outcome.kind is not OutcomeKind.DEFERRED:
        return False
    return reply.code == CLOSING or (reply.enhanced or "").startswith("4.7.")
