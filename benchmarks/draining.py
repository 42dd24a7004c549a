"""Single mails while a batch of 100,000 drains, beside single mails when it has drained."""

from __future__ import annotations

import time
from collections.abc import Iterable

from benchmarks import ours
from benchmarks.delivery import WORKERS
from benchmarks.measure import percentile, say
from benchmarks.report import Row, one
from benchmarks.singles import Singles
from benchmarks.sinks import OwnSink
from benchmarks.stage import Stage

MAILS = 100_000
IDLE_MAILS = 100
PAUSE_SECONDS = 0.15


def run(stage: Stage) -> Iterable[Row]:
    """Measure the slowest in a hundred, in seconds. Once: there are hundreds in one run."""
    count = stage.extent.of(MAILS, 1000)
    known = ours.key(stage)
    url = stage.databases.make("round", ours.filled(stage, count, tracked=True))
    stage.redis.flush()
    with (
        OwnSink(stage.folder) as sink,
        ours.Platform(stage, url, known, SMTP_RELAY_URL=sink.relay_url()) as platform,
    ):
        platform.start_web()
        with stage.databases.gate("round", "recipients", WORKERS):
            platform.start_workers(WORKERS)
        busy = _while_draining(platform, sink, count)
        idle = _when_idle(platform, sink)
    say(f"  {len(busy)} while it drained, p50 {percentile(busy, 0.5) * 1000:.0f} ms")
    yield Row(
        f"a single mail while {count:,} drain: p99",
        "s",
        one(percentile(busy, 0.99)),
        "idle",
        one(percentile(idle, 0.99)),
        within=2.0,
    )


def _while_draining(platform: ours.Platform, sink: OwnSink, count: int) -> list[float]:
    client = Singles(platform, sink)
    while sink.taken() < count:  # more or less: the singles are among them
        client.post()
        time.sleep(PAUSE_SECONDS)
    return client.waits()


def _when_idle(platform: ours.Platform, sink: OwnSink) -> list[float]:
    time.sleep(3)
    client = Singles(platform, sink)
    for _ in range(IDLE_MAILS):
        client.post_and_wait()
        time.sleep(PAUSE_SECONDS)
    return client.waits()
