"""Leaves a host alone that can't be reached, and tries it again by one probe at a time."""

import math

FIRST_PAUSE = 5.0
LONGEST_PAUSE = 120.0


class Breaker:
    """Closed while the host answers. Open: nobody goes, but one probe after each pause.

    Pauses are seconds and double; times are of `time.monotonic()`. Pure; its owner has the lock.
    """

    def __init__(self, first: float = FIRST_PAUSE, longest: float = LONGEST_PAUSE) -> None:
        self._first, self._longest = first, longest
        self.pause = 0.0  # the last one; 0 while closed
        self._ends = 0.0
        self._failures = 0  # in a row
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Whether the host is left alone."""
        return self.pause > 0

    def allows(self, now: float) -> bool:
        """Tell whether somebody may go to the host."""
        return not self.is_open or self.next_probe() <= now

    def next_probe(self) -> float:
        """Return when the pause ends; infinity while a probe is under way."""
        return math.inf if self._probing else self._ends

    def enter(self) -> bool:
        """Go, where that is allowed; return whether this is the probe."""
        self._probing = self.is_open
        return self._probing

    def leave(self) -> None:
        """The probe ended without telling anything; the next may go at once."""
        self._probing = False

    def reached(self, probe: bool) -> None:
        """The host answered. While it is left alone, only the probe's word counts."""
        if probe or not self.is_open:
            self.pause, self._failures, self._probing = 0.0, 0, False

    def failed(self, now: float, probe: bool, enough: int) -> None:
        """The host could not be reached; `enough` times in a row open the breaker."""
        if self.is_open and not probe:
            return  # it began before the pause, which has counted it
        self._failures += 1
        if probe or self._failures >= enough:
            self._probing = False
            self.pause = min(max(2 * self.pause, self._first), self._longest)
            self._ends = now + self.pause
