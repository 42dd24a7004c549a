"""Tells mail that found no place when to come again: spread over the time that its host needs."""

from __future__ import annotations

import math
import random

GUESS = 0.05  # seconds that a mail takes, before one was taken
STILL = 4  # times as long as usual, and STILL_SECONDS at least, without a place changing hands
STILL_SECONDS = 1.0
STILL_SPREAD = 3
STILL_MOST = 60.0  # seconds, where few wait: it may go on at any moment
SOON = 10.0  # seconds, or as many as let so many a second come: what a host takes is but a guess
IN_VAIN = 20  # claims a second that may find no place again
EARLY = 4  # times as long as the host is known, or stands still: no mail is sent off for longer
SMOOTHING = 0.2  # the weight of the last mail in the mean
LEAST = 0.25  # seconds
MOST = 900.0
JITTER = 0.15
STEPS = ((60.0, 0.25), (math.inf, 1.0))  # below so many seconds, in steps of so many


class Backlog:
    """Knows how long a host takes for a mail, and how many were told to come again.

    A hundred thousand mails for a slow host then come back a few times each, about when it is their
    turn, instead of asking again and again. Times are of `time.monotonic()`. Pure; its owner has
    the lock.
    """

    def __init__(self) -> None:
        self._seconds = 0.0  # that a place is held for one mail, in the mean; 0 before the first
        self._known = 0.0  # since when
        self._begun = 0.0  # when a place was taken last
        self._away: dict[int, int] = {}  # mails that are to come again, by the second

    def taken(self, now: float) -> None:
        """A mail found a place."""
        self._begun = now
        self._known = self._known or now

    def left(self, seconds: float) -> None:
        """A place was given back, after so long."""
        mean = self._seconds or seconds
        self._seconds = mean + SMOOTHING * (seconds - mean)

    def each(self, now: float) -> float:
        """Return for how many seconds a place is held.

        Where none changes hands, that is at least as long as since the last one was taken.
        """
        return max(self.usual, self._still_for(now))

    @property
    def usual(self) -> float:
        """For how many seconds a place is held, in the mean."""
        return self._seconds or GUESS

    def stands_still(self, now: float) -> bool:
        """Tell whether no place changed hands for long."""
        return self._still_for(now) > max(STILL * self._seconds, STILL_SECONDS)

    def _still_for(self, now: float) -> float:
        return now - self._begun if self._begun else 0.0

    def wait(
        self, now: float, places: int, per_second: float = math.inf, *, holds_any: bool = True
    ) -> float:
        """Return in how many seconds a mail is to come again, and count it.

        The host takes `places` at once, and no more than `per_second`. Who waits for one that
        stands still comes back after one to three times as long as it has stood: soon where it was
        only slow to greet, and where it is a tarpit once a minute, or less often beside thousands.
        Whether it stands still is seen by who `holds_any` place alone: other workers' mail may go
        on all the time.
        """
        seconds = self._next(now, places, per_second, holds_any)
        due = int(now + seconds)
        self._away[due] = self._away.get(due, 0) + 1
        return seconds

    def _next(self, now: float, places: int, per_second: float, holds_any: bool) -> float:
        ahead = self._count(now) + 1
        each = self.each(now) if holds_any else self.usual
        if holds_any and self.stands_still(now):
            return _while_still(each, ahead)
        guess = min(ahead * each / places, max(SOON, ahead / IN_VAIN), self._furthest(now))
        return _spread(max(guess, ahead / per_second), MOST)

    def _count(self, now: float) -> int:
        """Return how many are still to come."""
        for due in [due for due in self._away if due < now]:
            del self._away[due]
        return sum(self._away.values())

    def _furthest(self, now: float) -> float:
        """What was learned in a moment may be wrong, and no mail is called back."""
        known = now - self._known if self._known else 0.0
        return 1 + EARLY * known


def _while_still(stood: float, ahead: int) -> float:
    """Where it has stood for long, let no more than IN_VAIN claims a second come."""
    seconds = stood * random.uniform(1, STILL_SPREAD)  # noqa: S311
    crowded = min(ahead / IN_VAIN, EARLY * stood)
    if min(seconds, crowded) > STILL_MOST:
        return _spread(crowded, MOST)
    return _spread(seconds, STILL_MOST)


def _spread(seconds: float, most: float) -> float:
    """Bound and jitter, in steps, so that many come back together and are claimed by one bell."""
    bounded = max(seconds, LEAST)
    if bounded > most:
        bounded = most * random.uniform(0.5, 1)  # noqa: S311
    jittered = bounded * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
    step = next(step for below, step in STEPS if jittered < below)
    return math.ceil(jittered / step) * step
