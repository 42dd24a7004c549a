"""Production: mail goes to one of several SMTP servers, which takes it from there."""

from __future__ import annotations

import math
import threading
import time

from django.conf import settings

from delivery.condition import Condition
from delivery.smtp import Endpoint, Outcome, OutcomeKind, Phase
from delivery.transports.backlog import Backlog
from delivery.transports.base import Envelope
from delivery.transports.breaker import Breaker
from delivery.transports.limiter import START, Limiter
from delivery.transports.pool import Place, Pool
from delivery.transports.url import endpoints_of

PATIENCE = 10.0  # seconds that a delivery waits for a place at any relay
BRIEF = 0.3  # seconds that any number waits; for longer no more than there are places
LOYALTY = 1.0  # seconds of these that it waits for a busy relay while another has room


class RelayTransport:
    """The relays in the order of preference, with the connections that each of them bears.

    A relay that can't be reached costs a mail nothing but the time to find out: it goes to the
    next one. `most` bounds the connections to each.
    """

    name = "relay"

    def __init__(
        self,
        *endpoints: Endpoint,
        most: int = 20,
        start: int = START,
        first_pause: float = 5.0,
        patience: float = PATIENCE,
    ) -> None:
        self._lock = threading.Lock()
        self._news = Condition(self._lock)
        self._pools = [
            Pool(
                endpoint,
                Limiter(most, start, eager=True),
                Breaker(first_pause),
                self._lock,
                self._news,
            )
            for endpoint in endpoints
        ]
        self._most = most
        self._ahead = self._waiting = 0
        self._backlog = Backlog()
        self.patience = patience
        self._interrupted = False

    @classmethod
    def configured(cls) -> RelayTransport:
        """Return the transport to the relays of SMTP_RELAY_URL."""
        endpoints = endpoints_of(settings.SMTP_RELAY_URL, settings.HELO_NAME)
        return cls(*endpoints, most=settings.RELAY_MAX_CONNECTIONS)

    def session(
        self, rcpt_to: str, project_id: int, *, patient: bool = True, urgent: bool = False
    ) -> RelaySession:
        """Return what will hold at most one connection."""
        return RelaySession(self, patient)

    def go_ahead(self) -> bool:
        """Tell whether a mail may be composed without a place, and count it until `land`.

        While outcomes are on their way to the disk all places are held: then the next mails are
        made ready, but no more than there are places, since they lie in memory.
        """
        with self._lock:
            now = time.monotonic()
            there = not self._interrupted and any(pool.allows(now) for pool in self._pools)
            may = there and self._ahead < self._most
            self._ahead += may
            return may

    def land(self) -> None:
        """One that went ahead has a place, or is given up."""
        with self._lock:
            self._ahead -= 1

    def take(self, tried: list[Pool], patient: bool = True) -> Place | Outcome:
        """Wait for a place at the first relay that is there and not among `tried`.

        An outcome where none became free in time, at the shutdown, and at once where all that is
        left after `tried` is left alone; without `patient` also where nothing was tried. No more
        wait than there are places, unless their turn is near: others may have mail that goes
        another way.
        """
        begins = time.monotonic()
        with self._lock:
            while not self._interrupted:
                now = time.monotonic()
                there = [pool for pool in self._pools if pool not in tried and pool.allows(now)]
                loyal = now < begins + LOYALTY
                for pool in there[:1] if loyal else there:
                    if place := pool.take():
                        self._backlog.taken(now)
                        return place
                left = begins + self.patience - now
                if left <= 0 or ((tried or not patient) and not there):
                    break
                if not tried and not self._is_worth_waiting(now):
                    return self._sent_off(now)
                self._wait(there, now, left)
        return self._unsent()

    def _is_worth_waiting(self, now: float) -> bool:
        """Tell whether a mail holds up nobody's by waiting here; with the lock."""
        if self._waiting < self._most:
            return True
        held = sum(pool.in_use for pool in self._pools)
        if not held or self._backlog.stands_still(now):
            return False
        return (self._waiting + 1) * self._backlog.usual / held < BRIEF

    def _wait(self, there: list[Pool], now: float, seconds: float) -> None:
        self._waiting += 1
        try:
            if there:
                there[0].freed.wait(min(seconds, LOYALTY))
            else:
                next_probe = min(pool.next_probe() for pool in self._pools)
                self._news.wait(min(seconds, next_probe - now))
        finally:
            self._waiting -= 1

    def _sent_off(self, now: float) -> Outcome:
        """Return when a mail is to come again that finds others waiting; with the lock."""
        places = self._most * len(self._pools)
        holds_any = any(pool.holds_any for pool in self._pools)
        wait = self._backlog.wait(now, places, holds_any=holds_any)
        detail = "the relay has no place for more mail now"
        return Outcome(OutcomeKind.ABANDONED, Phase.CONNECT, self.name, detail, wait=wait)

    def give_back(self, place: Place) -> None:
        """Let another have a place."""
        place.pool.release(place)
        if place.since < math.inf:
            with self._lock:
                self._backlog.left(time.monotonic() - place.since)

    def _unsent(self) -> Outcome:
        """Return what it means that no place was found: all relays are gone, or merely busy."""
        with self._lock:
            now = time.monotonic()
            waiting = self._interrupted or any(pool.allows(now) for pool in self._pools)
        if waiting:
            detail = "no connection to a relay became free"
            return Outcome(OutcomeKind.ABANDONED, Phase.CONNECT, self.name, detail)
        *others, last = (pool.absent() for pool in self._pools)
        return last._replace(tried=tuple(others))

    def tidy(self) -> None:
        """Close what nobody has used for a while."""
        for pool in self._pools:
            pool.tidy()

    def connections(self) -> int:
        """Return how many are open, at work or kept."""
        return sum(pool.connections() for pool in self._pools)

    def admit_no_more(self) -> None:
        """Let finish what is at work; who waits for a connection gives its mail back."""
        with self._lock:
            self._interrupted = True
            self._news.notify_all()
            for pool in self._pools:
                pool.freed.notify_all()

    def interrupt(self) -> None:
        """Cut every connection that is at work; who waits for one gives its mail back."""
        self.admit_no_more()
        for pool in self._pools:
            pool.interrupt()

    def close(self) -> None:
        """Say QUIT to the relays on every idle connection."""
        for pool in self._pools:
            pool.close()


class RelaySession:
    """One delivery: a place at one relay after the other, the last held until it is settled."""

    def __init__(self, transport: RelayTransport, patient: bool) -> None:
        self._transport, self._patient = transport, patient
        self._place: Place | None = None
        self._ahead = False

    def admit(self) -> Outcome | None:
        """Go ahead without a place, or hold one at the first relay that has one."""
        self._ahead = self._transport.go_ahead()
        return None if self._ahead else self._hold()

    def send(self, envelope: Envelope) -> Outcome:
        """Hand one copy to the first relay that will talk.

        The next one is tried only where no word of the mail was said: nothing goes out twice. A
        relay that talks on other connections wants no more of them: the mail waits for one.
        """
        if self._ahead and (refusal := self._hold()):
            return refusal
        ends = time.monotonic() + self._transport.patience
        tried: list[Pool] = []
        failures: list[Outcome] = []
        while place := self._place:
            outcome = place.send(envelope)
            if not outcome.is_of_host:
                return outcome._replace(tried=tuple(failures)) if failures else outcome
            self.release()
            if not place.is_one_too_many or time.monotonic() >= ends:
                tried.append(place.pool)
                failures.append(outcome)
            found = self._transport.take(tried, self._patient)
            if isinstance(found, Place):
                self._place = found
            elif not tried:
                return found
        return failures[-1]._replace(tried=tuple(failures[:-1]))

    def release(self) -> None:
        """Give the connection back."""
        self._land()
        place, self._place = self._place, None
        if place:
            self._transport.give_back(place)

    def _hold(self) -> Outcome | None:
        found = self._transport.take([], self._patient)
        self._land()
        if isinstance(found, Outcome):
            return found
        self._place = found
        return None

    def _land(self) -> None:
        if self._ahead:
            self._ahead = False
            self._transport.land()
