"""Mails of 2 kB accepted in batches of 500 over HTTP, beside post_office's `send_many`."""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import partial

from benchmarks import ours
from benchmarks.cpu import Meter, per_mail
from benchmarks.mails import short_mail
from benchmarks.measure import Sample, alternate
from benchmarks.peers.post_office import peer as post_office
from benchmarks.report import Row
from benchmarks.stage import Stage

BATCHES = 20
NAME = f"{post_office.NAME} send_many, in process"
CLIENTS = {"one client": 1, "four clients": 4}


def _post(stage: Stage, count: int, clients: int) -> Sample:
    known = ours.key(stage)
    url = stage.databases.make("round", "ours_empty")
    stage.databases.ask("round", "CHECKPOINT")
    stage.redis.flush()
    size = ours.BATCH
    bodies = [
        ours.batch(map(short_mail, range(start, start + size)), {})
        for start in range(0, (count + clients) * size, size)
    ]
    with ours.Platform(stage, url, known) as platform:
        platform.start_web()
        ours.post_all(platform.port, known, bodies[:clients], clients)
        meter = Meter({"web": platform.pids("web"), **stage.processes()})
        meter.begin()
        begins = time.monotonic()
        ours.post_all(platform.port, known, bodies[clients:], clients)
        seconds = time.monotonic() - begins
        used = meter.used()
    (rows,) = stage.databases.ask("round", "SELECT count(*) FROM emails")[0]
    if rows != len(bodies) * size:
        raise RuntimeError(f"{len(bodies) * size} were accepted, {rows} rows are there")
    return Sample(count * size / seconds, per_mail(used, count * size))


def run(stage: Stage) -> Iterable[Row]:
    """Measure both; ours from one client, as theirs is, and from four."""
    count = stage.extent.of(BATCHES, 4)
    contenders = {name: partial(_post, stage, count, clients) for name, clients in CLIENTS.items()}
    contenders[NAME] = partial(post_office.send_many, stage, count, ours.BATCH)
    results = alternate(stage.extent.rounds, contenders)
    for name in CLIENTS:
        what = f"batches of 500, 2 kB each, {name}"
        yield Row(what, "mails/s", results[name], NAME, results[NAME], at_least=1)
