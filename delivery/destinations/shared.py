"""The budget of all processes, in Redis; each goes on with its share while that is away."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from delivery.destinations.ledger import Away, Crew, Ledger, Report
from delivery.destinations.local import CountingBudget, opened, rate_towards, refused
from delivery.destinations.shared_tally import SharedTally
from delivery.destinations.tallies import Host, Tallies
from delivery.smtp.waiting import WAITER

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 0.08  # for Redis, of a delivery
KEEPER_PATIENCE_SECONDS = 0.5  # of the thread that does nothing else
ROUND_SECONDS = 1.0
PAUSE_SECONDS = 0.02  # between two reports
RETURN_SECONDS = 3 * ROUND_SECONDS  # until the others have found Redis too, and told what they have


class SharedBudget(CountingBudget[SharedTally]):
    """Asks Redis for connections one by one, for mails in portions; its keeper does the rest.

    A call that Redis does not answer takes PATIENCE_SECONDS, of the deliveries that wait for it
    alone; from then on none is made for a delivery, until the keeper has got through again.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(Tallies(SharedTally, clock), clock)
        self._ledger = Ledger(url, PATIENCE_SECONDS)
        self._keepers = Ledger(url, KEEPER_PATIENCE_SECONDS, self._ledger.worker)
        self._away_since: float | None = clock()
        self._was_lost, self._returning_until = False, 0.0
        self._workers = 1
        self._news = threading.Event()
        self._round_due = 0.0
        self._urgent: set[SharedTally] = set()
        self._ending = False
        self._round()
        self._thread = threading.Thread(target=self._keep, name="destinations", daemon=True)
        self._thread.start()

    @property
    def is_shared(self) -> bool:
        """Whether Redis is there."""
        return self._away_since is None

    # --- Connections ---

    def open(self, host: str) -> bool:
        """Count one more connection, if there may be one over all processes."""
        entry = self._tallies.host(host)
        with entry.locked() as tally:
            if (answer := self._known(entry)) is not None:
                return answer
            tally.in_line += 1
        try:
            return self._asked(entry, tally)
        finally:
            with tally.lock:
                tally.in_line -= 1

    def _known(self, entry: Host[SharedTally]) -> bool | None:
        """Answer without asking, where that can be; with the lock held."""
        tally, now, away_since = entry.tally, self._clock(), self._away_since
        if now < self._returning_until and not tally.is_within_share(now, self._workers):
            return refused(tally)
        if tally.has_room():
            return opened(entry)
        if away_since is not None:
            fits = tally.has_room_alone(now, self._workers, away_since)
            return opened(entry) if fits else refused(tally)
        return refused(tally) if tally.was_refused(now) else None

    def _asked(self, entry: Host[SharedTally], tally: SharedTally) -> bool:
        with tally.asking:  # whoever is first asks for all
            with entry.locked():
                if (answer := self._known(entry)) is not None:
                    return answer
            self._ask(tally)
            with entry.locked():
                return bool(self._known(entry))

    def _ask(self, tally: SharedTally) -> None:
        with tally.lock:
            request = tally.request(self._workers)
        ask = partial(self._ledger.open, request)
        try:
            granted, crew, standing = WAITER.get().elsewhere(ask)
        except BaseException as error:
            with tally.lock:
                tally.unanswered()
            if not isinstance(error, Away):
                raise
            self._lost(error)
        else:
            with tally.lock:
                tally.grant(granted, crew, standing, self._clock())
            self._meet(crew)

    def closed(self, host: str) -> None:
        """Count one less; others get it within a second, or at once where they wait for it."""
        super().closed(host)
        tally = self._tallies.host(host).tally
        if tally.is_wanted():
            self._tell(tally)

    def excess(self, host: str) -> int:
        """Return how many connections are open beyond our share of the level."""
        return self._tallies.host(host).tally.excess(self._clock())

    # --- Mails ---

    def wait(self, host: str) -> float:
        """Count a mail and return 0.0, or return the seconds until it may go."""
        entry = self._tallies.host(host)
        tally = entry.tally
        if tally.limits.mails_per_minute is None:
            return 0.0
        if (answer := self._mail(tally)) is not None:
            return answer
        with tally.asking:
            if (answer := self._mail(tally)) is not None:
                return answer
            self._ask_for_mails(tally)
            return self._mail(tally) or 0.0

    def _mail(self, tally: SharedTally) -> float | None:
        """Answer without asking, where that can be."""
        with tally.lock:
            now = self._clock()
            answer = tally.take_mail(now)
            if answer is None and not self.is_shared:
                rate = rate_towards(tally, now, self._workers)
                answer = tally.bucket.take(rate, now) if rate else 0.0
            tally.refusals += bool(answer)
            return answer

    def _ask_for_mails(self, tally: SharedTally) -> None:
        with tally.lock:
            asked_at = self._clock()
            rate = rate_towards(tally, asked_at)
            if rate is None:
                return
            portion = tally.portion(rate.burst, asked_at)
        ask = partial(self._ledger.mails, tally.name, rate, portion)
        try:
            mails, wait = WAITER.get().elsewhere(ask)
        except Away as error:
            self._lost(error)
        else:
            with tally.lock:
                tally.take_portion(mails, wait, asked_at, self._clock())

    # --- Feedback ---

    def overloaded(self, host: str) -> None:
        """Halve, once for each storm, here at once and everywhere in a moment."""
        with self._tallies.host(host).locked() as tally:
            is_news = tally.overload(self._clock())
        if is_news:
            self._tell(tally)

    def served(self, host: str) -> None:
        """Have it count, if the level is low."""
        entry = self._tallies.host(host)
        if entry.tally.level.is_low:
            with entry.locked() as tally:
                tally.serve()
                if not self.is_shared:
                    tally.level.served(self._clock())

    # --- The keeper ---

    def close(self) -> None:
        """Give everything back."""
        super().close()
        self._ending = True
        self._news.set()
        self._thread.join()
        try:
            self._keepers.leave()
        except Away as error:
            logger.info("connections are given back by their lease: %s", error)
        self._ledger.close()
        self._keepers.close()

    def _tell(self, tally: SharedTally) -> None:
        self._urgent.add(tally)
        self._news.set()

    def _keep(self) -> None:
        while not self._ending:
            self._news.wait(max(self._round_due - self._clock(), 0))
            self._news.clear()
            if self._clock() >= self._round_due:
                self._round()
            elif self._urgent and self.is_shared:
                self._send([self._urgent.pop() for _ in range(len(self._urgent))])
            time.sleep(PAUSE_SECONDS)

    def _round(self) -> None:
        """Say that we are alive and what we hold, all of it: Redis may have forgotten."""
        self._round_due = self._clock() + ROUND_SECONDS
        self._urgent.clear()
        self._send([tally for tally in self._tallies.all() if tally.needs_report()])

    def _send(self, tallies: list[SharedTally]) -> None:
        reports = [self._drawn(tally) for tally in tallies]
        begins = self._clock()
        try:
            crew, standings = self._keepers.report(reports)
        except Away as error:
            for tally, report in zip(tallies, reports, strict=True):
                with tally.lock:
                    tally.unreported(report)
            self._lost(error)
            return
        for tally, standing in zip(tallies, standings, strict=True):
            with tally.lock:
                tally.learn(crew, standing, self._clock())
        self._meet(crew)
        if self._clock() - begins <= PATIENCE_SECONDS:  # one that is slow costs mails too much
            self._found()

    def _drawn(self, tally: SharedTally) -> Report:
        with tally.lock:
            return tally.report(self._clock())

    def _meet(self, crew: Crew) -> None:
        self._workers = crew.workers if crew.complete else max(self._workers, crew.workers)

    def _lost(self, error: Exception) -> None:
        self._was_lost = True
        if self.is_shared:
            self._away_since, self._returning_until = self._clock(), 0.0
            logger.warning("Redis is away, destinations get this worker's share: %r", error)
            self._round_due = 0.0
            self._news.set()

    def _found(self) -> None:
        if not self.is_shared:
            if self._was_lost:  # others may still open their share without telling
                self._returning_until = self._clock() + RETURN_SECONDS
            self._away_since = None
            logger.info("Redis is there, destinations are shared with all workers")
