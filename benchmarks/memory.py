"""Memory of one worker after 100,000 mails, beside what it was after 1,000."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from benchmarks import ours
from benchmarks.cpu import resident
from benchmarks.measure import until
from benchmarks.report import Row, one
from benchmarks.sinks import SmtpSink
from benchmarks.stage import Stage

MAILS, EARLY = 100_000, 1_000
LONGEST_SECONDS = 900.0


def run(stage: Stage) -> Iterable[Row]:
    """Measure what is resident, in MiB, once."""
    count = stage.extent.of(MAILS, 2 * EARLY)
    known = ours.key(stage)
    url = stage.databases.make("round", ours.filled(stage, count, tracked=True))
    stage.redis.flush()
    with (
        SmtpSink(stage.folder) as sink,
        ours.Platform(stage, url, known, SMTP_RELAY_URL=sink.relay_url()) as platform,
    ):
        platform.start_worker()
        held = partial(resident, platform.processes["worker"].pid)
        until(lambda: sink.taken() >= EARLY, "the first mails arrived")
        early = held()
        until(lambda: sink.taken() >= count, "all mails arrived", LONGEST_SECONDS)
        late = held()
    yield Row(
        f"memory of a worker after {count:,} mails",
        "MiB",
        one(late),
        f"after {EARLY:,}",
        one(early),
        at_most=1.1,
    )
