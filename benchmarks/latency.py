"""One client, an idle system: how long from the request until the mail is at the sink."""

from __future__ import annotations

import time
from collections.abc import Iterable

from benchmarks import ours
from benchmarks.delivery import WORKERS
from benchmarks.measure import Result, Sample, percentile, say
from benchmarks.report import Row
from benchmarks.singles import Singles
from benchmarks.sinks import OwnSink
from benchmarks.stage import Stage

MAILS = 200
WARM_UP = 10  # connections are opened, code is loaded
PAUSE_SECONDS = 0.02  # in which the system is idle again


def run(stage: Stage) -> Iterable[Row]:
    """Measure the median and the slowest in a hundred, in milliseconds."""
    rounds = [_round(stage) for _ in range(stage.extent.rounds)]
    for name, share, bar in (("p50", 0.5, 50.0), ("p99", 0.99, 250.0)):
        samples = tuple(Sample(percentile(waits, share) * 1000) for waits in rounds)
        yield Row(f"POST to delivered, idle: {name}", "ms", Result(samples), within=bar)


def _round(stage: Stage) -> list[float]:
    known = ours.key(stage)
    url = stage.databases.make("round", "ours_empty")
    stage.redis.flush()
    with (
        OwnSink(stage.folder) as sink,
        ours.Platform(stage, url, known, SMTP_RELAY_URL=sink.relay_url()) as platform,
    ):
        platform.start_web()
        with stage.databases.gate("round", "recipients", WORKERS):
            platform.start_workers(WORKERS)
        client = Singles(platform, sink)
        for _ in range(WARM_UP + stage.extent.of(MAILS)):
            client.post_and_wait()
            time.sleep(PAUSE_SECONDS)
        waits = client.waits()[WARM_UP:]
    say(
        f"  p50 {percentile(waits, 0.5) * 1000:.1f} ms, p99 {percentile(waits, 0.99) * 1000:.1f} ms"
    )
    return waits
