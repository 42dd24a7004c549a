"""Straight to 100 mail exchangers of 1,000 domains, beside the same mails to a single relay."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from benchmarks.delivery import FULL, PLAIN, deliver
from benchmarks.internet import Internet
from benchmarks.measure import Result, Sample, alternate, say
from benchmarks.report import Row
from benchmarks.stage import Stage

MAILS = 16_000
BURST = 1_000
DOMAINS, HOSTS = 1_000, 100
RELAY = "single relay"


def run(stage: Stage) -> Iterable[Row]:
    """Measure throughput, then how often a burst to one domain opens a connection."""
    count = stage.extent.of(MAILS)
    contenders = {
        f"{way}, {work}": partial(_sent, stage, count, full=work == FULL, straight=way == "mx")
        for work in (FULL, PLAIN)
        for way in ("mx", RELAY)
    }
    results = alternate(stage.extent.rounds, contenders)
    for work in (FULL, PLAIN):
        what = f"to {DOMAINS:,} domains on {HOSTS} hosts: {work}"
        yield Row(what, "mails/s", results[f"mx, {work}"], RELAY, results[f"{RELAY}, {work}"])
    burst = Result(tuple(_opened(stage) for _ in range(stage.extent.rounds)))
    what = f"connections in a burst of {BURST:,} to one domain"
    yield Row(what, "", burst, within=BURST * 0.05)


def _sent(stage: Stage, count: int, *, full: bool, straight: bool) -> Sample:
    internet = Internet(stage.folder, hosts=HOSTS)
    settings = internet.settings() if straight else {}
    return deliver(stage, lambda: internet, count, full=full, domains=DOMAINS, **settings)


def _opened(stage: Stage) -> Sample:
    """Return how many connections a burst took, with one worker."""
    internet = Counting(stage.folder, hosts=1)
    settings = internet.settings()
    deliver(stage, lambda: internet, BURST, full=True, workers=1, domains=1, **settings)
    say(f"  {internet.count} connections for {BURST:,} mails")
    return Sample(internet.count)


class Counting(Internet):
    """Remembers at its end how many connections there were."""

    count = 0

    def __exit__(self, *error: object) -> None:
        self.count = self.opened() if error[0] is None else 0
        super().__exit__(*error)
