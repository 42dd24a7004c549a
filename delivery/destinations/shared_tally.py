"""What one process knows of a destination that all processes share."""

from __future__ import annotations

import itertools

from delivery.condition import Turn
from delivery.destinations.allowance import HELD_SECONDS
from delivery.destinations.directory import Destination
from delivery.destinations.ledger import Crew, Report, Request, Standing
from delivery.destinations.tallies import Tally

REFUSED_SECONDS = 0.25  # how long a refusal holds before Redis is asked again
DOUBT_SECONDS = 10.0  # how long what others had open counts after Redis went away

_versions = itertools.count(1)  # of messages; never again from 1, whichever tally is made anew


class SharedTally(Tally):
    """Connections that Redis granted, of which some are open; allowances for mail in portions.

    `asking` is held during a round trip for this destination, `lock` never.
    """

    def __init__(self, destination: Destination) -> None:
        super().__init__(destination)
        self.asking = Turn()
        self.in_line = 0  # deliveries that want a connection
        self.granted = 0
        self._pending = 0  # connections asked for, without an answer yet
        self._share = destination.limits.connections
        self._others = 0
        self._wanted = False
        self._refused_until = 0.0
        self._served = 0
        self._overloaded = False
        self._mails = 0  # allowances
        self._mails_until = 0.0
        self._portion = 1
        self._no_mail_until = 0.0

    # --- Connections ---

    def has_room(self) -> bool:
        """Tell whether a connection may be opened without asking."""
        return self.open < min(self.granted, self._share)

    def was_refused(self, now: float) -> bool:
        """Tell whether asking again is of no use yet."""
        return now < self._refused_until

    def has_room_alone(self, now: float, workers: int, away_since: float) -> bool:
        """Tell whether a connection fits while nobody can be asked: our share of the level."""
        level = self.level.now(now)
        doubtful = now - away_since < DOUBT_SECONDS
        if doubtful and self.open + self._others >= level:
            return False
        return self.is_within_share(now, workers)

    def is_within_share(self, now: float, workers: int) -> bool:
        """Tell whether one more is no more than we might have if nobody could be asked."""
        return self.open < max(self.level.now(now) // workers, 1)

    def is_wanted(self) -> bool:
        """Tell whether another process waits for what we close."""
        return self._wanted

    def excess(self, now: float) -> int:
        """Return how many of our connections are too many."""
        return max(self.open - min(self._share, self.level.now(now)), 0)

    def request(self, workers: int) -> Request:
        """Return what to ask for all that stand in line; `granted` or `unanswered` ends it."""
        self._pending = max(self.in_line, 1)
        return Request(
            self.name,
            self.limits.connections,
            next(_versions),
            self.granted,
            self._pending,
            workers,
            self._others,
        )

    def grant(self, number: int, crew: Crew, standing: Standing, now: float) -> None:
        """Take what was granted."""
        self.granted += number
        self._pending = 0
        self.learn(crew, standing, now)
        if not number:
            self._refused_until = now + REFUSED_SECONDS

    def unanswered(self) -> None:
        """Nobody knows what was granted; the next report says what we have."""
        self._pending = 0

    def learn(self, crew: Crew, standing: Standing, now: float) -> None:
        """Take what all know, unless something newer is on its way to them."""
        self._share = standing.share
        self._others = standing.others if crew.complete else max(self._others, standing.others)
        self._wanted = standing.waiting
        if standing.level != self.level.now(now) and not self._overloaded:
            self.level.set(standing.level, now)

    # --- What is reported ---

    def overload(self, now: float) -> bool:
        """Halve, once for each storm, and tell whether that is news for the others."""
        halved = self.level.overloaded(now)
        self._overloaded |= halved
        return halved

    def serve(self) -> None:
        """Count a mail that was taken."""
        self._served += 1

    def needs_report(self) -> bool:
        """Tell whether others would go wrong without one."""
        return bool(self.granted or self.open or self._overloaded or self.level.is_low)

    def report(self, now: float) -> Report:
        """Give back what is granted and nobody is about to open, and return what to tell."""
        self.granted = max(self.open, min(self.granted, self.open + self.in_line))
        report = Report(
            self.name,
            self.limits.connections,
            next(_versions),
            self.granted + self._pending,
            self.level.now(now),
            self._served,
            self._overloaded,
        )
        self._served, self._overloaded = 0, False
        return report

    def unreported(self, report: Report) -> None:
        """Keep for the next report what did not arrive."""
        self._served += report.served
        self._overloaded |= report.overloaded

    def is_blank(self, time: float) -> bool:
        """Tell whether nothing is lost with it."""
        return super().is_blank(time) and not (self.granted or self._pending)

    # --- Mails ---

    def take_mail(self, now: float) -> float | None:
        """Return 0.0 for a mail that may go, else seconds to wait; None: one has to ask."""
        if self._mails and now < self._mails_until:
            self._mails -= 1
            return 0.0
        return self._no_mail_until - now if now < self._no_mail_until else None

    def portion(self, burst: int, now: float) -> int:
        """Return how many to ask for: more than last time, if that was used up at once."""
        soon = not self._mails and now < self._mails_until
        self._portion = min(2 * self._portion if soon else 1, burst)
        return self._portion

    def take_portion(self, mails: int, wait: float, asked_at: float, now: float) -> None:
        """Take what was granted, to be used within HELD_SECONDS."""
        self._mails, self._mails_until = mails, asked_at + HELD_SECONDS
        self._no_mail_until = 0.0 if mails else now + wait
