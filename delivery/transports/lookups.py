"""Keeps plans for a moment, and lets no slow name server hold a delivery for longer than that."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from threading import Lock

from delivery.condition import Condition
from delivery.smtp import Outcome, OutcomeKind, Phase
from delivery.smtp.waiting import WAITER
from delivery.transports.mx_plan import Plan

logger = logging.getLogger(__name__)

FRESH_SECONDS = 5.0  # the resolver knows the time to live; this only spares asking it for each mail
STALE_SECONDS = 30.0  # how old a plan may be that serves while it is asked for again
GLANCE = 0.3  # seconds to wait for the new one then: as a rule the resolver knows it
TROUBLE_SECONDS = 30.0  # doubling with each failure in a row
LONGEST_TROUBLE = 600.0
MOMENT = 1.0  # seconds after a question was asked for which its deliveries may wait
PATIENCE = 10.0  # for which some of them may
MOST_WAITING = 3  # for one domain
MOST_ASKED = 250  # domains at once; each has a socket
AGAIN_SECONDS = 2.0
MOST_KEPT = 20_000  # domains


@dataclass(slots=True)
class _Entry:
    answered: Condition
    plan: Plan | Outcome | None = None  # None while it is asked for the first time
    until: float = 0.0  # time.monotonic()
    learnt: float = 0.0
    failures: int = 0
    asked: float | None = None  # since when somebody looks for the answer
    waiting: int = 0

    def known(self, now: float) -> Plan | Outcome | None:
        """Return what still holds."""
        return self.plan if now < self.until else None

    def last(self, now: float) -> Plan | None:
        """Return what held a moment ago, if mail could go by it."""
        is_recent = now - self.learnt < STALE_SECONDS
        return self.plan if isinstance(self.plan, Plan) and is_recent else None

    def learn(self, plan: Plan | Outcome, now: float) -> None:
        """Take an answer. What DNS can't tell now stays so for a while."""
        self.asked, self.plan, self.learnt = None, plan, now
        seconds = FRESH_SECONDS
        if isinstance(plan, Outcome) and plan.kind is OutcomeKind.DEFERRED:
            seconds = min(TROUBLE_SECONDS * 2**self.failures, LONGEST_TROUBLE)
            self.failures = min(self.failures + 1, 10)
        else:
            self.failures = 0
        self.until = now + seconds
        self.answered.notify_all()


class Lookups:
    """Has `ask` asked aside, once at a time for each domain and for MOST_ASKED of them.

    Deliveries wait for a moment; longer at most as many as half of `places`. The others leave their
    place meanwhile: however many name servers are silent, mail to other domains goes on. Where a
    plan has just ended, its mail goes by it until there is an answer.
    """

    def __init__(self, ask: Callable[[str], Plan | Outcome], places: int) -> None:
        self._ask = ask
        self._most_long = max(places // 2, 1)
        self._long = 0  # deliveries that wait for longer than a moment
        self._lock = Lock()
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._asked = 0  # questions without an answer yet
        self._closed = False

    def plan(self, domain: str) -> Plan | Outcome:
        """Return the plan for a domain, why there is none, or ABANDONED until that is known."""
        with self._lock:
            entry = self._entry(domain)
            while (plan := entry.known(time.monotonic())) is None:
                self._have_asked(domain, entry)
                if not self._wait(entry):
                    return entry.last(time.monotonic()) or _busy(domain)
            return plan

    def admit_no_more(self) -> None:
        """Send off who waits, and whoever comes and would have to."""
        with self._lock:
            self._closed = True
            for entry in self._entries.values():
                entry.answered.notify_all()

    def _entry(self, domain: str) -> _Entry:
        entry = self._entries.get(domain)
        if entry is None:
            entry = self._entries[domain] = _Entry(Condition(self._lock))
        self._entries.move_to_end(domain)
        while len(self._entries) > MOST_KEPT:
            self._entries.popitem(last=False)
        return entry

    def _have_asked(self, domain: str, entry: _Entry) -> None:
        if entry.asked is None and self._asked < MOST_ASKED:
            WAITER.get().aside(partial(self._find_out, domain, entry))
            entry.asked = time.monotonic()  # only now: the system may have no thread for it
            self._asked += 1

    def _wait(self, entry: _Entry) -> bool:
        if self._closed or entry.asked is None or entry.waiting >= MOST_WAITING:
            return False
        now = time.monotonic()
        passed = now - entry.asked
        has_last = entry.last(now) is not None
        is_long = passed >= MOMENT and not has_last
        left = (GLANCE if has_last else PATIENCE if is_long else MOMENT) - passed
        if left <= 0 or (is_long and self._long >= self._most_long):
            return False
        entry.waiting += 1
        self._long += is_long
        try:
            entry.answered.wait(left)
        finally:
            entry.waiting -= 1
            self._long -= is_long
        return True

    def _find_out(self, domain: str, entry: _Entry) -> None:
        plan: Plan | Outcome = _broken_off(domain)
        try:
            plan = self._ask(domain)
        except Exception:
            logger.exception("looking for the mail exchangers of %s broke off", domain)
        finally:  # whatever it was: nobody else asks meanwhile
            with self._lock:
                self._asked -= 1
                entry.learn(plan, time.monotonic())


def _busy(domain: str) -> Outcome:
    detail = "its mail exchangers are being looked for"
    return Outcome(OutcomeKind.ABANDONED, Phase.LOOKUP, domain, detail, wait=AGAIN_SECONDS)


def _broken_off(domain: str) -> Outcome:
    detail = "4.3.0 an error of ours, while its mail exchangers were looked for"
    return Outcome(OutcomeKind.DEFERRED, Phase.LOOKUP, domain, detail, status="4.3.0")
