"""How many delivery threads work at once: as many as the relay keeps waiting, but no crowd.

Threads that wait for a server cost nothing. Threads that could run, but wait for the interpreter,
make one another wait and cost more in being switched than in what they do: with twenty of them
before a server that answers at once, half of the processor's time went into that.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

LEAST = 3  # one composes, one is answered, one settles
NAP_SECONDS = 0.005
NAPS = 10  # before the size is changed
CROWDED_SECONDS = 0.0015
ROOMY_SECONDS = 0.0006


class Crew:
    """Thread `n` works while `n` is less than `size`, which a foreman adjusts.

    The foreman naps, and takes how late it wakes for how long any thread has to wait its turn.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.size = min(LEAST, most)
        self.begun = 0  # deliveries; counted by those who begin them, roughly
        self._changed = threading.Condition()
        self._dismissed = False

    def join_in(self, number: int) -> None:
        """Return when thread `number` is to work, or when all are dismissed."""
        if number >= self.size:
            with self._changed:
                self._changed.wait_for(lambda: number < self.size or self._dismissed)

    def judge(self, late: float) -> None:
        """Adjust the size to how late, in seconds, a thread gets its turn while work waits."""
        if late < ROOMY_SECONDS:
            self._resize(self.size + max(1, self.size // 4))
        elif late > CROWDED_SECONDS:
            self._resize(self.size - max(1, self.size // 8))

    def dismiss(self) -> None:
        """Let everybody go, and the foreman too."""
        with self._changed:
            self._dismissed = True
            self._changed.notify_all()

    def oversee(self, work_waits: Callable[[], bool], pause: float = 0.1) -> None:
        """Be the foreman: look every `pause` seconds for waiting work, then see who gets a turn."""
        while not self._dismissed:
            if work_waits():
                begun = self.begun
                late = sum(_late() for _ in range(NAPS)) / NAPS
                # Where nobody begins anything, all hang at a silent server, however late we wake.
                self.judge(late if self.begun != begun else 0)
            else:
                time.sleep(pause)

    def _resize(self, size: int) -> None:
        with self._changed:
            self.size = max(min(LEAST, self.most), min(size, self.most))
            self._changed.notify_all()


def _late() -> float:
    begins = time.monotonic()
    time.sleep(NAP_SECONDS)
    return time.monotonic() - begins - NAP_SECONDS
