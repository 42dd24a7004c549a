"""The pump of a worker process: claims due mail, keeps deliveries in flight, settles outcomes."""

from __future__ import annotations

import logging
import queue
import threading
import time
import uuid
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from django.conf import settings
from django.db import Error, close_old_connections, connection

from delivery import claim, metrics
from delivery.appetite import Appetite
from delivery.attempt import Attempt
from delivery.claim import Delivery
from delivery.crew import Crew
from delivery.identity import RecentIdentities
from delivery.settler import Settler
from delivery.smtp.crashpoints import reached
from delivery.transports.base import Transport
from emails import doorbell, transitions

logger = logging.getLogger(__name__)
T = TypeVar("T")

DRAIN_LOOK_SECONDS = 0.2
GATHER_SECONDS = 0.05  # under load: how long to let places become free before claiming again


@dataclass(frozen=True, slots=True)
class Pace:
    """How much at once, and how often to look without a bell. Times in seconds."""

    concurrency: int = 20
    lease: float = 45
    look: float = 2


def configured_pace() -> Pace:
    """Return the pace of the settings."""
    return Pace(settings.DELIVERY_CONCURRENCY, settings.LEASE_SECONDS, settings.LOOK_SECONDS)


class Pump:
    """Started and drained with its worker process. `wake` is what a bell does."""

    def __init__(self, transport: Transport, pace: Pace) -> None:
        self._transport, self._pace = transport, pace
        self._bell = threading.Event()
        self._stopping = threading.Event()
        self._settler = Settler()
        self._ready: queue.SimpleQueue[Delivery | None] = queue.SimpleQueue()
        self._unsent: queue.SimpleQueue[tuple[Delivery, float]] = queue.SimpleQueue()
        self._held: dict[int, Delivery] = {}
        self._appetite = Appetite(pace.concurrency)
        self._identities = RecentIdentities()
        self._capacity = 0  # as it was at the last claim
        self._changed = threading.Condition()
        self._more_waits = False
        self._round_due = 0.0  # time.monotonic()
        self._crew = Crew(pace.concurrency)
        self._threads = [
            threading.Thread(
                target=self._run_deliveries, args=[n], name=f"delivery-{n}", daemon=True
            )
            for n in range(pace.concurrency)
        ]
        self._foreman = threading.Thread(
            target=self._crew.oversee, args=[self._work_waits], name="foreman", daemon=True
        )
        self._clock = threading.Thread(target=self._run, name="pump", daemon=True)

    def start(self) -> None:
        """Begin to look for work."""
        self._settler.start()
        for thread in [*self._threads, self._foreman, self._clock]:
            thread.start()
        logger.info("pump started", extra={"transport": self._transport.name})

    def wake(self) -> None:
        """Look for work now."""
        self._bell.set()

    def drain(self, timeout: float) -> None:
        """Stop within about `timeout` seconds: finish or give back what was claimed.

        What waits for a reply at the end of that time is settled as what it is: ambiguous
        after the final dot, deferred before it.
        """
        ends = time.monotonic() + timeout
        self._stopping.set()
        self._bell.set()
        self._transport.admit_no_more()  # a mail that began late would be cut before its answer
        self._clock.join(timeout)
        if not self._finish(ends):
            self._transport.interrupt()
            self._finish(time.monotonic() + 1)
        for _ in self._threads:
            self._ready.put(None)
        self._crew.dismiss()
        self._settler.stop(1)
        self._transport.close()
        logger.info("pump drained", extra={"unsettled": len(self._held)})

    # --- The clock thread: claims and leases ---

    def _run(self) -> None:
        self._bell.set()  # look at once: work may have waited for this process
        while not self._stopping.is_set():
            self._bell.wait(GATHER_SECONDS if self._more_waits else self._pace.look)
            self._bell.clear()
            try:
                self._look()
            except Error as error:
                logger.error("the database is out of reach: %s", error)
                close_old_connections()
                self._stopping.wait(min(1, self._pace.look))
            except Exception:
                logger.exception("the pump stumbled and goes on")
                self._stopping.wait(1)
        connection.close()

    def _look(self) -> None:
        self._give_back_unsent()
        if time.monotonic() >= self._round_due:
            self._round_due = time.monotonic() + self._pace.look
            self._go_round()
        while not self._stopping.is_set() and self._claim():
            pass

    def _go_round(self) -> None:
        """See to what takes seconds, however often the bell rings."""
        self._renew_leases()
        self._transport.tidy()
        for lost in transitions.take_over():
            metrics.LEASES_LOST.inc()
            logger.warning(
                "a lease ended without an outcome; the mail goes again",
                extra={"recipient_id": lost.recipient_id, "attempt": lost.attempts},
            )
        self._show_life()

    @staticmethod
    def _show_life() -> None:
        """Touch what a health check looks at; mail flows also where that can't be written."""
        try:
            (settings.VAR / "pump.alive").touch()
        except OSError as error:
            logger.warning("health checks will find this worker dead: %s", error)

    def _claim(self) -> bool:
        """Fill the free places; tell whether to go on at once."""
        with self._changed:
            self._capacity = self._appetite.capacity()
            free = self._capacity - len(self._held)
        if free <= 0 or (self._more_waits and free < self._capacity // 2):
            return False
        with metrics.CLAIM_SECONDS.time():
            taken = claim.claim(free, self._pace.lease, self._identities.load)
        metrics.CLAIMED.inc(len(taken))
        if taken:
            reached("after_claim")
        with self._changed:
            self._held.update((delivery.recipient.recipient_id, delivery) for delivery in taken)
        for delivery in taken:
            self._ready.put(delivery)
        if self._stopping.is_set():  # it took so long that nobody may begin them any more
            self._give_back_ready()
        self._more_waits = len(taken) == free
        if self._more_waits:
            doorbell.ring()  # for the other processes
        return self._more_waits

    def _renew_leases(self) -> None:
        soon = time.monotonic() + self._pace.lease * 2 / 3
        with self._changed:
            due = [row for row in self._held.values() if row.lease.ends < soon]
        if due:
            claim.renew(due, self._pace.lease)

    def _give_back_ready(self) -> None:
        """Return what was not begun, due at once."""
        for delivery in _emptied(self._ready):
            if delivery:
                self._unsent.put((delivery, 0.0))
        self._give_back_unsent()

    def _give_back_unsent(self) -> None:
        """Return what waits to the database's queue; what can't be returned stays held by us."""
        groups: dict[tuple[uuid.UUID, float], list[Delivery]] = defaultdict(list)
        for delivery, wait in _emptied(self._unsent):
            groups[delivery.lease.token, wait].append(delivery)
        while groups:
            (token, wait), group = groups.popitem()
            try:
                transitions.give_back(token, [row.recipient.recipient_id for row in group], wait)
            except BaseException:
                groups[token, wait] = group
                for (_, seconds), rows in groups.items():
                    for delivery in rows:
                        self._unsent.put((delivery, seconds))
                raise
            for delivery in group:
                self._done(delivery)

    def _finish(self, ends: float) -> bool:
        """Give back what was not begun and wait for the rest, at most until `ends`.

        A drain may outlast a lease, and a database that hangs must not make it last.
        """
        while not self._wait_until_idle(min(ends - time.monotonic(), DRAIN_LOOK_SECONDS)):
            if time.monotonic() >= ends:
                return False
            tending = threading.Thread(target=self._tend, name="drain", daemon=True)
            tending.start()
            tending.join(max(ends - time.monotonic(), 0))
        return True

    def _tend(self) -> None:
        try:
            self._give_back_ready()
            self._renew_leases()
        except Error as error:
            logger.error("the database is out of reach, leases end by themselves: %s", error)
        finally:
            connection.close()

    def _wait_until_idle(self, timeout: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._held, max(timeout, 0))

    # --- The delivery threads ---

    def _work_waits(self) -> bool:
        return not self._ready.empty()

    def _run_deliveries(self, number: int) -> None:
        while delivery := self._next(number):
            try:
                attempt = Attempt(delivery, self._transport, self._settler, self._done)
                if (wait := attempt.run()) is not None:
                    self._unsent.put(
                        (delivery, wait)
                    )  # one thread gives back: the others need no database
                    self._bell.set()
            except Exception:
                logger.exception("an outcome is not recorded", extra=delivery.log)
                self._done(delivery)
        connection.close()

    def _next(self, number: int) -> Delivery | None:
        self._crew.join_in(number)
        delivery = self._ready.get()
        self._crew.begun += 1
        return delivery

    def _done(self, delivery: Delivery) -> None:
        recipient = delivery.recipient.recipient_id
        with self._changed:
            if self._held.get(recipient) is delivery:  # not claimed again meanwhile
                del self._held[recipient]
            self._appetite.done()
            if not self._held:
                self._changed.notify_all()
            free = self._capacity - len(self._held)
        if self._more_waits and free >= self._capacity // 2 and not self._bell.is_set():
            self._bell.set()


def _emptied(waiting: queue.SimpleQueue[T]) -> list[T]:
    """Take all that waits, while others may take of it too."""
    taken: list[T] = []
    with suppress(queue.Empty):
        while True:
            taken.append(waiting.get_nowait())
    return taken
