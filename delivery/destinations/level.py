"""How much of its limit a destination bears just now, found out by feedback."""

from __future__ import annotations

STORM_SECONDS = 5.0  # refusals within it are one storm, and halve once
RISE_SECONDS = 15.0  # the least between two steps up
STEPS = 20  # from nothing to the limit: five minutes of success
FORGIVEN_SECONDS = 3600.0  # after an hour without a change, the limit holds again


class Level:
    """Connections that are allowed now: between 1 and `most`. Half in a storm, up in steps.

    Times are of `time.monotonic()`. Pure; its owner has the lock. What is shared by all workers
    does the same in Redis (`ledger.py`).
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._level = most
        self._changed_at = 0.0
        self._successes = 0

    def now(self, time: float) -> int:
        """Return the level."""
        if self._level < self._most and time - self._changed_at > FORGIVEN_SECONDS:
            self._level = self._most
        return min(self._level, self._most)

    @property
    def known(self) -> int:
        """The level as it was last set."""
        return self._level

    @property
    def is_low(self) -> bool:
        """Whether successes count for anything."""
        return self._level < self._most

    def allow(self, most: int) -> None:
        """Set another limit; what was not lowered goes with it."""
        if self._level >= self._most:
            self._level = most
        self._most = most

    def overloaded(self, time: float) -> bool:
        """Halve, and tell so, unless that was done for the same storm."""
        level = self.now(time)
        if level < self._most and time - self._changed_at < STORM_SECONDS:
            return False
        self.set(max(level // 2, 1), time)
        return True

    def served(self, time: float, mails: int = 1) -> None:
        """Go up a step when as many mails were taken as the level has connections."""
        level = self.now(time)
        if level >= self._most:
            return
        self._successes += mails
        if self._successes >= level and time - self._changed_at >= RISE_SECONDS:
            self.set(level + max(self._most // STEPS, 1), time)

    def set(self, level: int, time: float) -> None:
        """Take a level that was found out here or elsewhere."""
        self._level, self._changed_at, self._successes = min(level, self._most), time, 0
