"""All the way: accepted over HTTP in batches and delivered, beside Postfix doing the same."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from functools import partial

from benchmarks import ours
from benchmarks.cpu import Meter, per_mail
from benchmarks.delivery import FULL, PLAIN, WORKERS, delivered
from benchmarks.measure import Sample, alternate, best, until
from benchmarks.peers.postfix import peer as postfix
from benchmarks.report import Row
from benchmarks.sinks import Sink, SmtpSink
from benchmarks.stage import Stage

MAILS = 10_000
POSTFIX = {postfix.NAME: "1s", f"{postfix.NAME}, in_flow_delay = 0": "0"}


def post_and_deliver(
    stage: Stage, sink: Callable[[], AbstractContextManager[Sink]], count: int, *, full: bool
) -> Sample:
    """Post `count` mails in batches; from the first request to the last mail at the sink."""
    known = ours.key(stage)
    url = stage.databases.make("round", "ours_empty")
    if not full:
        ours.unsigned(stage, "round")
    stage.databases.ask("round", "CHECKPOINT")
    stage.redis.flush()
    bodies = list(ours.batches(count, {} if full else ours.UNTRACKED))
    with (
        sink() as server,
        ours.Platform(stage, url, known, SMTP_RELAY_URL=server.relay_url()) as platform,
    ):
        platform.start_web()
        with stage.databases.gate("round", "recipients", WORKERS):
            platform.start_workers(WORKERS)
        kinds = {"web": platform.pids("web"), "worker": platform.pids("worker")}
        meter = Meter(kinds | {"sink": server.pids} | stage.processes())
        meter.begin()
        begins = time.monotonic()
        ours.post_all(platform.port, known, bodies)
        ends = until(lambda: server.taken() >= count, "all mails arrived")
        used = meter.used()
        until(lambda: delivered(stage) == count, "all mails were settled")
    return Sample(count / (ends - begins), per_mail(used, count))


def run(stage: Stage) -> Iterable[Row]:
    """Measure both, with and without what Postfix does not do."""
    count = stage.extent.of(MAILS)
    sink = partial(SmtpSink, stage.folder)
    contenders = {
        FULL: partial(post_and_deliver, stage, sink, count, full=True),
        PLAIN: partial(post_and_deliver, stage, sink, count, full=False),
    }
    for name, delay in POSTFIX.items():
        contenders[name] = partial(postfix.relay, stage, sink, count, in_flow_delay=delay)
    results = alternate(stage.extent.rounds, contenders)
    theirs = best(results, list(POSTFIX))
    for name in (FULL, PLAIN):
        what = f"accepted in batches and delivered: {name}"
        yield Row(what, "mails/s", results[name], *theirs, at_least=1.5)
