"""So many mails a minute, evenly: a bucket of allowances that fills as time passes."""

from __future__ import annotations

from dataclasses import dataclass

HELD_SECONDS = 1.0  # how long a process may keep what it took before it must use it
WINDOW_SECONDS = 60.0 + HELD_SECONDS


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `burst` at once and `per_second` after that."""

    burst: int
    per_second: float


def rate_of(mails_per_minute: int) -> Rate:
    """Return a rate that lets at most so many go in any 60 seconds, however they lie.

    What is taken may be used HELD_SECONDS later. In a window of 61 seconds the bucket gives what
    it holds and floor(61 · per_second); one less than the rest makes that the number asked for.
    """
    burst = max(mails_per_minute // 10, 1)
    return Rate(burst, (mails_per_minute - burst + 1) / (WINDOW_SECONDS + 1e-6))


class Bucket:
    """Allowances of one process. Times are of `time.monotonic()`. Pure; its owner has the lock."""

    def __init__(self) -> None:
        self._used = 0.0  # how far it is from being full
        self._at = 0.0

    def take(self, rate: Rate, time: float) -> float:
        """Take one and return 0.0, or return the seconds until there is one."""
        self._used = max(self._used - (time - self._at) * rate.per_second, 0.0)
        self._at = time
        missing = self._used + 1 - rate.burst
        if missing > 1e-9:
            return missing / rate.per_second
        self._used += 1
        return 0.0

    def was_used(self, time: float) -> bool:
        """Tell whether some is missing that may matter."""
        return self._used > 0 and time - self._at < WINDOW_SECONDS
