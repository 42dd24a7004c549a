"""The connections to one relay: how many there may be, which are idle, and whether it is there."""

from __future__ import annotations

import logging
import math
import threading
import time
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from delivery.condition import Condition
from delivery.smtp import Endpoint, Outcome, OutcomeKind, Phase, Session
from delivery.transports.base import Envelope
from delivery.transports.breaker import Breaker
from delivery.transports.limiter import Limiter
from delivery.transports.slots import NoLimits, Slots

logger = logging.getLogger(__name__)

IDLE_SECONDS = 30.0
SERVED_SECONDS = 5.0  # after its last answer to a mail a host that refuses us is there
SURPLUS = "cut, since too many servers are slow at the same time"
CLOSING = 421  # "service not available, closing transmission channel" (RFC 5321 §3.8)


@dataclass(slots=True, eq=False)
class Place:
    """One connection in the hands of one delivery; `era` and `probe` say what its word counts.

    `mails` is how many it carried, with the one that it is held for, which began at `since`.
    """

    pool: Pool
    session: Session
    era: int
    probe: bool
    mails: int
    since: float = math.inf  # time.monotonic()
    is_final: bool = False  # the mail is about to be taken, or was
    is_cut: bool = False
    is_one_too_many: bool = False  # by the word of a host that serves us on others

    def send(self, envelope: Envelope) -> Outcome:
        """Hand one copy to the relay, which learns from what comes of it."""
        self.since = time.monotonic()
        outcomes = self.session.send(
            envelope.mail_from,
            [envelope.rcpt_to],
            envelope.content,
            partial(self._finish, envelope),
        )
        outcome = outcomes[envelope.rcpt_to]
        if self.is_cut and not outcome.reply:
            outcome = outcome._replace(detail=SURPLUS)
        self.pool.learn(self, outcome)
        return outcome

    def _finish(self, envelope: Envelope) -> bool:
        """Tell whether the mail may be ended, after which only its host can end the wait."""
        with self.pool.lock:
            self.is_final = not self.is_cut
        return self.is_final and envelope.may_send()

    def cut(self) -> None:
        """End what goes on, from any thread, unless the host may have taken the mail."""
        with self.pool.lock:
            self.is_cut = self.pool.holds(self) and not self.is_final
        if self.is_cut:
            self.session.abort()


class Idle(NamedTuple):
    """A connection that is kept: when it was used last, and how many mails it carried."""

    session: Session
    used: float  # time.monotonic()
    mails: int


class Pool:
    """Of one endpoint. The connection used last goes first, so that the others grow idle.

    The pools of a transport share its lock, with which `allows`, `next_probe` and `take` are
    called. `freed` tells of free places and of the host going away, `news` of probes that ended.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        limiter: Limiter,
        breaker: Breaker,
        lock: threading.Lock,
        news: Condition,
        *,
        slots: Slots | None = None,
    ) -> None:
        self._endpoint, self._limiter, self._breaker = endpoint, limiter, breaker
        self.lock, self._news = lock, news
        self.freed = Condition(lock)
        self._slots = slots or NoLimits()
        self._idle: list[Idle] = []
        self._busy: set[Place] = set()
        self._served = -math.inf  # when it last answered to a mail; time.monotonic()
        self._trouble: Outcome | None = None

    def allows(self, now: float) -> bool:
        """Tell whether the host is there, or may be looked for."""
        return self._breaker.allows(now)

    def next_probe(self) -> float:
        """Return when the host may be looked for, by `time.monotonic()`."""
        return self._breaker.next_probe()

    def take(self) -> Place | None:
        """Hold a place, if there is one; the limiter has one for a probe always."""
        if not (self._limiter.free or self._breaker.is_open):
            return None
        probe, era = self._breaker.enter(), self._limiter.enter()
        kept = None
        try:
            kept = self._idle.pop() if self._idle else self._opened()
        finally:
            if kept is None:
                self._leave(probe)
        if kept is None:
            return None
        place = Place(self, kept.session, era, probe, kept.mails + 1)
        self._busy.add(place)
        return place

    def _opened(self) -> Idle | None:
        """The place is counted already: while the slots are asked, nobody else may take it."""
        session = Session(self._endpoint)  # first: where that raises, no slot is taken
        return Idle(session, 0, 0) if self._slots.open() else None

    def _leave(self, probe: bool) -> None:
        self._limiter.leave()
        if probe:
            self._breaker.leave()
            self._news.notify_all()

    def release(self, place: Place) -> None:
        """Give a place back; no more connections are kept than there are places."""
        with self.lock:
            self._busy.discard(place)
            self._leave(place.probe)
            lives = place.session.is_open and not place.is_cut
            if lives and not self._slots.worn(place.mails):
                self._idle.append(Idle(place.session, time.monotonic(), place.mails))
                unwanted = self._surplus()
            else:
                self._slots.closed()
                unwanted = [place.session, *self._surplus()]
            self.freed.notify_up_to(self._limiter.free)
        for session in unwanted:
            session.close()

    def _surplus(self) -> list[Session]:
        """Take those away for which there is no place, the longest idle first."""
        surplus = len(self._idle) - self._limiter.free
        if surplus > 0:  # those that are being opened may be refused: then these are all we have
            opening = sum(not place.session.is_open for place in self._busy)
            surplus -= opening
        return self._drop(max(surplus, self._slots.excess()))

    def _drop(self, count: int) -> list[Session]:
        dropped, self._idle = self._idle[:count], self._idle[count:]
        for _ in dropped:
            self._slots.closed()
        return [kept.session for kept in dropped]

    def learn(self, place: Place, outcome: Outcome) -> None:
        """Draw from an outcome what it says about the host."""
        if outcome.kind is OutcomeKind.ABANDONED:
            return
        with self.lock:
            if outcome.is_of_host:
                self._not_reached(place, outcome)
            else:
                self._reached(place)
                self._adjust(place, outcome)
            self.freed.notify_up_to(self._limiter.free)

    def _reached(self, place: Place) -> None:
        if place.probe:
            logger.info("%s is back", self._name)
            self._limiter.restart()
            self._news.notify_all()
        self._breaker.reached(place.probe)
        place.probe = False

    def _adjust(self, place: Place, outcome: Outcome) -> None:
        lost = outcome.kind is OutcomeKind.DEFERRED and outcome.reply is None
        if lost or (outcome.reply and outcome.reply.code == CLOSING):
            self._limiter.overloaded(place.era)
        else:
            self._served = time.monotonic()
            self._limiter.succeeded()

    def _is_crowded(self, outcome: Outcome) -> bool:
        """Tell whether the host, which serves us, said that this connection is one too many.

        Servers bound the connections of a client, and greet one more with 421 (Postfix, Exim).
        """
        code = outcome.reply.code if outcome.reply else None
        if code != CLOSING or outcome.phase is not Phase.GREETING:
            return False
        others = bool(self._idle) or any(place.session.is_open for place in self._busy)
        return others and time.monotonic() < self._served + SERVED_SECONDS

    def _not_reached(self, place: Place, outcome: Outcome) -> None:
        self._trouble = outcome
        self._limiter.overloaded(place.era)
        place.is_one_too_many = not place.probe and self._is_crowded(outcome)
        if place.is_one_too_many:
            return
        before = self._breaker.pause
        self._breaker.failed(time.monotonic(), place.probe, enough=self._limiter.limit)
        if place.probe:
            self._news.notify_all()
        if self._breaker.pause > before:
            said = (self._name, self._breaker.pause, outcome.phase, outcome.detail)
            logger.warning("%s is left alone for %d s: %s: %s", *said)
            self.freed.notify_all()  # who waits here finds another relay
        place.probe = False

    def absent(self) -> Outcome:
        """Return why nothing can be sent here while the host is left alone."""
        with self.lock:
            trouble = self._trouble
        phase = trouble.phase if trouble else Phase.CONNECT
        said = f": {trouble.detail}" if trouble else ""
        return Outcome(OutcomeKind.DEFERRED, phase, self._name, f"left alone for now{said}")

    @property
    def _name(self) -> str:
        return f"{self._endpoint.host}:{self._endpoint.port}"

    def connections(self) -> int:
        """Return how many are open, at work or kept."""
        with self.lock:
            sessions = [each.session for each in self._busy] + [kept.session for kept in self._idle]
        return sum(session.is_open for session in sessions)

    def holds(self, place: Place) -> bool:
        """Tell whether a place was not given back yet; with the lock."""
        return place in self._busy

    @property
    def holds_any(self) -> bool:
        """Whether a place is held, and not merely asked for; with the lock."""
        return bool(self._busy)

    @property
    def in_use(self) -> int:
        """How many places are held; with the lock."""
        return len(self._busy)

    def busy(self) -> list[Place]:
        """Return the places that are held."""
        with self.lock:
            return list(self._busy)

    def tidy(self, idle: float | None = None) -> None:
        """Close what nobody has used for `idle` seconds (IDLE_SECONDS), and what is too much."""
        self._close_idle(time.monotonic() - (IDLE_SECONDS if idle is None else idle))

    def close(self) -> None:
        """Say QUIT on every idle connection."""
        self._close_idle(time.monotonic())

    def _close_idle(self, oldest: float) -> None:
        with self.lock:
            stale = sum(kept.used <= oldest for kept in self._idle)
            unwanted = [*self._drop(stale), *self._surplus()]
        for session in unwanted:
            session.close()

    def interrupt(self) -> None:
        """Cut every connection that is at work, and wake who waits for one."""
        with self.lock:
            self.freed.notify_all()
        for place in self.busy():
            place.session.abort()
