"""The pump of a worker process: claims due mail, keeps deliveries in flight, settles outcomes."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from django.conf import settings
from django.db import Error, close_old_connections, connection

from delivery import claim, metrics
from delivery.appetite import Appetite
from delivery.attempt import Attempt
from delivery.calling import Calling
from delivery.claim import Delivery
from delivery.hub import Hub
from delivery.identity import RecentIdentities
from delivery.in_flight import InFlight
from delivery.returns import Returns, unsent
from delivery.settler import Settler
from delivery.smtp.crashpoints import reached
from delivery.transports.base import Transport
from delivery.vitals import Vitals
from emails import doorbell, giving_back

logger = logging.getLogger(__name__)
T = TypeVar("T")

DRAIN_LOOK_SECONDS = 0.2
# After the database was away its workers, who are alive, settle first what they hold.
FIRST_SETTLED_SECONDS = 5.0
GATHER_SECONDS = 0.05  # under load: how long to let places become free before claiming again


@dataclass(frozen=True, slots=True)
class Pace:
    """How much at once, and how often to look without a bell. Times in seconds."""

    concurrency: int = 20
    lease: float = 45
    look: float = 2
    most_bytes: int = 100 * 1024 * 1024  # in flight at once


def configured_pace() -> Pace:
    """Return the pace of the settings."""
    return Pace(
        settings.DELIVERY_CONCURRENCY,
        settings.LEASE_SECONDS,
        settings.LOOK_SECONDS,
        settings.DELIVERY_MAX_BYTES,
    )


class Pump:
    """Started and drained with its worker process. `wake` is what a bell does."""

    def __init__(self, transport: Transport, pace: Pace) -> None:
        self._transport, self._pace = transport, pace
        self._bell = threading.Event()
        self._rung = False  # or the bell was set for another reason than work that waits
        self._stopping = threading.Event()
        self._hub = Hub()
        self._settler = Settler(self._hub.post, self._hub.idle, self._hub.silent)
        self._ready: deque[Delivery] = deque()
        self._in_flight = InFlight(pace.concurrency, pace.most_bytes)
        self._returns = Returns()
        self._held: dict[int, Delivery] = {}
        self._appetite = Appetite(pace.concurrency)
        self._identities = RecentIdentities()
        self._capacity = 0  # as it was at the last claim
        self._changed = threading.Condition()
        self._more_waits = False
        self._calling = Calling(doorbell.ring)
        self._vitals = Vitals()
        self._round_due = self._takes_over_from = 0.0  # time.monotonic()
        self._clock = threading.Thread(target=self._run, name="pump", daemon=True)

    def start(self) -> None:
        """Begin to look for work."""
        self._hub.start()
        self._settler.start()
        self._clock.start()
        logger.info("pump started", extra={"transport": self._transport.name})

    def wake(self) -> None:
        """Look for work now."""
        self._rung = True
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
        self._settler.stop(1)
        self._hub.stop(1)
        self._transport.close()
        logger.info("pump drained", extra={"unsettled": len(self._held)})

    # --- The clock thread: claims and leases ---

    def _run(self) -> None:
        self.wake()  # at once: work may have waited for this process
        while not self._stopping.is_set():
            self._bell.wait(self._seconds_to_wait())
            self._bell.clear()
            try:
                self._look()
            except Error as error:
                logger.error("the database is out of reach: %s", error)
                close_old_connections()
                self._takes_over_from = time.monotonic() + FIRST_SETTLED_SECONDS
                self._stopping.wait(min(1, self._pace.look))
            except Exception:
                logger.exception("the pump stumbled and goes on")
                self._stopping.wait(1)
        connection.close()

    def _seconds_to_wait(self) -> float:
        if self._more_waits:
            return GATHER_SECONDS
        returns = self._returns
        return min(self._pace.look, returns.seconds_left(), returns.seconds_until_due())

    def _look(self) -> None:
        rung = self._rung
        if rung:  # otherwise a bell that comes just now would be taken back
            self._rung = False
        if time.monotonic() >= self._round_due:
            self._go_round()
            rung = True
        if self._returns.are_due() or rung or self._more_waits:
            while self._may_claim() and self._claim():
                pass
        if not self._returns.seconds_left():
            self._give_back_unsent()

    def _may_claim(self) -> bool:
        """However much waits, leases come first: while a slow claim lasts, places become free."""
        in_time = time.monotonic() < self._round_due
        return in_time and not self._stopping.is_set() and not self._hangs()

    def _hangs(self) -> bool:
        """Tell whether the delivery thread stands still: its mail must go to other workers."""
        return self._vitals.gone_for() > self._pace.lease + self._pace.look

    def _go_round(self) -> None:
        """See to what takes seconds, however often the bell rings."""
        was_due, self._round_due = self._round_due, time.monotonic() + self._pace.look
        self._hub.post(self._vitals.show)
        self._renew_leases()
        self._transport.tidy()
        now = time.monotonic()
        if was_due and now > was_due + self._pace.lease / 3:  # a table was locked, say
            self._let_others_settle(now)
        if now >= self._takes_over_from:
            claim.take_over()

    def _let_others_settle(self, now: float) -> None:
        """Take nothing over for a while; but where all is slow for long, do so in between."""
        if now > self._takes_over_from + self._pace.lease:
            self._takes_over_from = now + FIRST_SETTLED_SECONDS

    def _claim(self) -> bool:
        """Fill the free places; tell whether to go on at once."""
        with self._changed:
            self._capacity = self._appetite.capacity()
            free = self._free()
        if free <= 0 or (self._more_waits and free < self._capacity // 2):
            return False
        with metrics.CLAIM_SECONDS.time():
            taken = claim.claim(free, self._pace.lease, self._identities.load)
        metrics.CLAIMED.inc(len(taken))
        if taken:
            reached("after_claim")
        with self._changed:
            self._held.update((delivery.recipient.recipient_id, delivery) for delivery in taken)
        self._ready.extend(taken)
        self._hub.post(self._begin)
        if self._stopping.is_set():  # it took so long that nobody may begin them any more
            self._give_back_ready()
        self._more_waits = len(taken) == free
        if self._more_waits:
            self._calling.more_waits(time.monotonic())
        else:
            self._calling.nothing_waits()
        return self._more_waits

    def _free(self) -> int:
        """Return how many more may be claimed; what is to go back takes no room."""
        return self._capacity - len(self._held) + len(self._returns)

    def _renew_leases(self) -> None:
        if self._hangs():
            logger.error("the delivery thread stands still: its leases end, and others take over")
            return
        soon = time.monotonic() + self._pace.lease * 2 / 3
        with self._changed:
            due = [row for row in self._held.values() if row.lease.ends < soon]
        if due:
            claim.renew(due, self._pace.lease)

    def _give_back_ready(self) -> None:
        """Return what was not begun, due at once."""
        for delivery in _emptied(self._ready):
            self._returns.add(delivery, 0)
        self._give_back_unsent()

    def _give_back_unsent(self) -> None:
        """Return what waits to the database's queue; what can't be returned stays held by us."""
        rows = self._returns.take()
        if not rows:
            return
        begins = time.monotonic()
        try:
            giving_back.give_back(unsent(delivery, due) for delivery, due in rows)
        except BaseException:
            self._returns.put_back(rows)
            raise
        self._returns.gave_back(rows, begins)
        for delivery, _ in rows:
            self._let_go(delivery)

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
            self._hub.post(self._vitals.show)
            self._renew_leases()
        except Error as error:
            logger.error("the database is out of reach, leases end by themselves: %s", error)
        finally:
            connection.close()

    def _wait_until_idle(self, timeout: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._held, max(timeout, 0))

    # --- The delivery thread ---

    def _begin(self) -> None:
        """Begin as many of those that are ready as may be in flight; none while we drain."""
        with suppress(IndexError):  # a drain takes of them too
            while self._in_flight.has_room(self._ready[0]) and not self._stopping.is_set():
                delivery = self._ready.popleft()
                self._in_flight.begin(delivery)
                self._hub.spawn(partial(self._deliver, delivery))

    def _deliver(self, delivery: Delivery) -> None:
        try:
            attempt = Attempt(delivery, self._transport, self._settler, self._done)
            if (wait := attempt.run()) is not None and self._returns.add(delivery, wait):
                self._bell.set()  # the pump's thread has the database
        except BaseException:  # a panic of Rust, too: what stays held is renewed for ever
            logger.error("an outcome is not recorded", extra=delivery.log)
            self._done(delivery)
            raise  # to the hub, which says what it was
        finally:
            self._in_flight.end(delivery)
            self._begin()

    def _done(self, delivery: Delivery) -> None:
        with self._changed:
            self._appetite.done()
        self._let_go(delivery)

    def _let_go(self, delivery: Delivery) -> None:
        recipient = delivery.recipient.recipient_id
        with self._changed:
            if self._held.get(recipient) is delivery:  # not claimed again meanwhile
                del self._held[recipient]
            if not self._held:
                self._changed.notify_all()
            free = self._free()
        if self._more_waits and free >= self._capacity // 2 and not self._bell.is_set():
            self._bell.set()


def _emptied(waiting: deque[T]) -> list[T]:
    """Take all that waits, while others may take of it too."""
    taken: list[T] = []
    with suppress(IndexError):
        while True:
            taken.append(waiting.popleft())
    return taken
