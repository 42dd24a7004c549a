"""Delivery to a relay 20 ms of round trip away, beside post_office with its 5 threads."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from benchmarks.delivery import FULL, PLAIN, deliver
from benchmarks.measure import Contender, alternate
from benchmarks.peers.post_office import peer as post_office
from benchmarks.report import Row
from benchmarks.sinks import FarSink
from benchmarks.stage import Stage

ROUND_TRIP = 0.020
CONNECTIONS = 50
MAILS = 8_000
THEIR_MAILS = 600
SETTINGS = {
    "DELIVERY_CONCURRENCY": str(CONNECTIONS),
    "RELAY_MAX_CONNECTIONS": str(CONNECTIONS),
}
NAME = f"{post_office.NAME}, 5 threads"


class WatchedSink(FarSink):
    """Raises where more connections were open than are allowed."""

    def __exit__(self, *error: object) -> None:
        most = self.most_connections() if error[0] is None else 0
        super().__exit__(*error)
        if most > CONNECTIONS:
            raise RuntimeError(f"{most} connections were open at once, not {CONNECTIONS}")


def run(stage: Stage) -> Iterable[Row]:
    """Measure both over the same delaying proxy and the same sink."""
    count, theirs = stage.extent.of(MAILS), stage.extent.of(THEIR_MAILS)
    sink = partial(WatchedSink, stage.folder, ROUND_TRIP)
    ours = partial(deliver, stage, sink, count, workers=1, **SETTINGS)
    contenders: dict[str, Contender] = {
        PLAIN: partial(ours, full=False),
        FULL: partial(ours, full=True),
        NAME: partial(
            post_office.deliver, stage, sink, theirs, processes=1, THREADS=5, BATCH_SIZE=theirs
        ),
    }
    results = alternate(stage.extent.rounds, contenders)
    for name in (FULL, PLAIN):
        yield Row(
            f"a relay 20 ms away: {name}",
            "mails/s",
            results[name],
            NAME,
            results[NAME],
            at_least=20,
        )
