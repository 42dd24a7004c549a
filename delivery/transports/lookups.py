"""Keeps plans for a moment, and lets no slow name server hold more than one delivery."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Condition

from delivery.smtp import Outcome, OutcomeKind, Phase
from delivery.transports.mx_plan import Plan

FRESH_SECONDS = 5.0  # the resolver knows the time to live; this only spares asking it for each mail
TROUBLE_SECONDS = 30.0  # doubling with each failure in a row
LONGEST_TROUBLE = 600.0
PATIENCE = 0.3  # seconds that a delivery waits while another asks for the same domain
MOST_WAITING = 3  # for one domain
AGAIN_SECONDS = 2.0
MOST_KEPT = 20_000  # domains


@dataclass(slots=True)
class _Entry:
    plan: Plan | Outcome | None = None  # None while it is asked for the first time
    until: float = 0.0  # time.monotonic()
    failures: int = 0
    asking: bool = False
    waiting: int = 0


class Lookups:
    """Asks `ask` once at a time for each domain. What DNS can't tell now stays so for a while."""

    def __init__(self, ask: Callable[[str], Plan | Outcome]) -> None:
        self._ask = ask
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._answered = Condition()

    def plan(self, domain: str) -> Plan | Outcome:
        """Return the plan for a domain, why there is none, or ABANDONED while others ask."""
        ends = time.monotonic() + PATIENCE
        with self._answered:
            entry = self._entry(domain)
            while entry.plan is None or time.monotonic() >= entry.until:
                if not entry.asking:
                    entry.asking = True
                    break
                if not self._wait(entry, ends):
                    return _busy(domain)
            else:
                return entry.plan
        return self._asked(domain, entry)

    def _entry(self, domain: str) -> _Entry:
        entry = self._entries.setdefault(domain, _Entry())
        self._entries.move_to_end(domain)
        while len(self._entries) > MOST_KEPT:
            self._entries.popitem(last=False)
        return entry

    def _wait(self, entry: _Entry, ends: float) -> bool:
        left = ends - time.monotonic()
        if left <= 0 or entry.waiting >= MOST_WAITING:
            return False
        entry.waiting += 1
        try:
            self._answered.wait(left)
        finally:
            entry.waiting -= 1
        return True

    def _asked(self, domain: str, entry: _Entry) -> Plan | Outcome:
        plan: Plan | Outcome | None = None
        try:
            plan = self._ask(domain)
            return plan
        finally:  # also where that raises
            with self._answered:
                self._learn(entry, plan)
                self._answered.notify_all()

    @staticmethod
    def _learn(entry: _Entry, plan: Plan | Outcome | None) -> None:
        entry.asking, entry.plan = False, plan
        seconds = FRESH_SECONDS
        if isinstance(plan, Outcome) and plan.kind is OutcomeKind.DEFERRED:
            seconds = min(TROUBLE_SECONDS * 2**entry.failures, LONGEST_TROUBLE)
            entry.failures = min(entry.failures + 1, 10)
        else:
            entry.failures = 0
        entry.until = time.monotonic() + seconds


def _busy(domain: str) -> Outcome:
    detail = "its mail exchangers are being looked for"
    return Outcome(OutcomeKind.ABANDONED, Phase.LOOKUP, domain, detail, wait=AGAIN_SECONDS)
