"""How many connections at once a host bears, found out by feedback as Postfix's scheduler does."""

START = 5  # Postfix: initial_destination_concurrency


class Limiter:
    """A window of places: one more for every window of successes, half at a sign of overload.

    `limit` stays between 1 and `most`. It grows only while it is nearly used up: an idle hour
    says nothing about what the host bears. With `eager`, and until the first sign of overload,
    each success allows one more, so that the window doubles. Pure; its owner has the lock.
    """

    def __init__(self, most: int, start: int = START, *, eager: bool = False) -> None:
        self._most, self._start = most, min(start, most)
        self.limit = self._start
        self.in_use = 0
        self.era = 0  # changes when the window shrinks
        self._successes = 0
        self._eager = eager

    @property
    def free(self) -> int:
        """How many places are left."""
        return max(self.limit - self.in_use, 0)

    def enter(self) -> int:
        """Take a place, also one too many if the caller insists; return the era it belongs to."""
        self.in_use += 1
        return self.era

    def leave(self) -> None:
        """Give a place back."""
        self.in_use -= 1

    def succeeded(self) -> None:
        """Somebody with a place was served."""
        if self.limit >= min(self.in_use + self._start, self._most):
            return
        self._successes += 1
        if self._eager or self._successes >= self.limit:
            self._successes = 0
            self.limit += 1

    def overloaded(self, era: int) -> None:
        """Halve, unless the one who saw it began before the last time: one storm counts once."""
        if era == self.era:
            self.limit = max(self.limit // 2, 1)
            self._successes = 0
            self._eager = False
            self.era += 1

    def restart(self) -> None:
        """Begin low again: a host that was away may be another one now."""
        self.limit = self._start
        self._successes = 0
        self.era += 1
