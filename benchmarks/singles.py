"""Single mails posted one by one, and how long each takes until it is at the sink."""

from __future__ import annotations

import time
from itertools import count

from benchmarks.mails import mail
from benchmarks.measure import until
from benchmarks.ours import Platform
from benchmarks.sinks import OwnSink

NUMBERS = count(50_000_000)  # far from those of batches


class Singles:
    """A client that watches what it posts."""

    def __init__(self, platform: Platform, sink: OwnSink) -> None:
        self._platform, self._sink = platform, sink
        self._posted: dict[str, float] = {}

    def post(self) -> str:
        """Post one and return its address; raises RuntimeError where it is not accepted."""
        number = next(NUMBERS)
        address = f"watched{number}@example.org"
        begins = time.monotonic()
        answer = self._platform.http.post(
            f"{self._platform.url}/api/emails", json=mail(number, address).request(), timeout=60
        )
        if answer.status_code != 202:
            raise RuntimeError(f"a mail was answered {answer.status_code}: {answer.text[:500]}")
        self._posted[address] = begins
        return address

    def post_and_wait(self) -> None:
        """Post one and wait until it arrived."""
        address = self.post()
        until(lambda: address in self._sink.arrivals(), f"{address} got its mail", 60)

    def waits(self) -> list[float]:
        """Return the seconds from the request to the arrival of each, when all have arrived."""
        until(lambda: self._posted.keys() <= self._sink.arrivals().keys(), "all arrived", 60)
        arrived = self._sink.arrivals()
        return [arrived[address] - begins for address, begins in self._posted.items()]
