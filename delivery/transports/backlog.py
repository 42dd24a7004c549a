"""Tells mail that found no place when to come again: spread over the time that its host needs."""

from __future__ import annotations

import math
import random

GUESS = 0.1  # seconds that a mail takes, before one was taken
SMOOTHING = 0.2  # the weight of the last mail in the mean
LEAST = 0.5  # seconds: a queue in the database is not looked at more often
MOST = 900.0
JITTER = 0.15
STEPS = ((5.0, 0.25), (60.0, 1.0), (math.inf, 5.0))  # below so many seconds, in steps of so many


class Backlog:
    """Knows how long a host takes for a mail, and how many were told to come again.

    A hundred thousand mails for a slow host then come back about once each, when it is their
    turn, instead of asking again and again. Times are of `time.monotonic()`. Pure; its owner has
    the lock.
    """

    def __init__(self) -> None:
        self.seconds = 0.0  # that a place is held for one mail, in the mean; 0 before the first
        self._begun = 0.0  # when a place was taken last
        self._sent_off = 0.0  # mails that are to come again and have not had the time to
        self._at = 0.0

    def taken(self, now: float) -> None:
        """A mail found a place."""
        self._begun = now

    def left(self, seconds: float) -> None:
        """A place was given back, after so long."""
        mean = self.seconds or seconds
        self.seconds = mean + SMOOTHING * (seconds - mean)

    def wait(self, now: float, places: int, per_second: float = math.inf) -> float:
        """Return in how many seconds a mail is to come again, and count it.

        The host takes `places` at once, and no more than `per_second`.
        """
        # Where no place changes hands, each takes at least as long as they have been held now.
        each = max(self.seconds or GUESS, now - self._begun if self._begun else 0.0)
        rate = min(places / each, per_second)
        passed = now - self._at
        self._sent_off = max(self._sent_off - passed * rate, 0.0) + 1
        self._at = now
        return _spread(self._sent_off / rate)


def _spread(seconds: float) -> float:
    """Bound and jitter, in steps: those with the same wait are given back by one statement."""
    bounded = min(max(seconds, LEAST), MOST)
    jittered = bounded * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
    step = next(step for below, step in STEPS if jittered < below)
    return math.ceil(jittered / step) * step
