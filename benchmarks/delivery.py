"""Delivery: a full queue, two workers, two cores; beside post_office and a Celery task a mail."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from functools import partial

from benchmarks import ours
from benchmarks.cpu import Meter, per_mail
from benchmarks.measure import Contender, Sample, alternate, best, until
from benchmarks.peers.celery_email import peer as celery_email
from benchmarks.peers.post_office import peer as post_office
from benchmarks.report import Row
from benchmarks.sinks import Sink, SmtpSink
from benchmarks.stage import Stage

MAILS = 16_000
TASKS = 3_000  # of the contender that is the slowest by far
WORKERS = 2
DELIVERED = "SELECT count(*) FROM recipients WHERE status = 'delivered'"
FULL, PLAIN = "full work", "untracked and unsigned"
# As it comes: five threads a process, batches of 100, a log row for each attempt, as ours keeps an
# event for each.
POST_OFFICE: dict[str, dict[str, int]] = {
    f"{post_office.NAME}, 1 process": {"processes": 1},
    f"{post_office.NAME}, 2 processes": {"processes": 2},
}
# What it is fastest with here: large batches, which it repeats as a whole when it is killed, and
# no record of what went well.
TUNED: dict[str, dict[str, int]] = {
    f"{post_office.NAME}, tuned": {"processes": 2, "BATCH_SIZE": 2000, "LOG_LEVEL": 1},
}
CELERY_EMAIL = {f"{celery_email.NAME}, {processes} processes": processes for processes in (2, 4)}


def deliver(
    stage: Stage,
    sink: Callable[[], AbstractContextManager[Sink]],
    count: int,
    *,
    full: bool,
    workers: int = WORKERS,
    **settings: str,
) -> Sample:
    """Deliver `count` mails; from the opening of the queue until all are settled. Mails/s."""
    known = ours.key(stage)
    url = stage.databases.make("round", ours.filled(stage, count, tracked=full))
    if not full:
        ours.unsigned(stage, "round")
    stage.databases.ask("round", "CHECKPOINT")
    stage.redis.flush()
    with sink() as server:
        values = {"SMTP_RELAY_URL": server.relay_url()} | settings
        with ours.Platform(stage, url, known, **values) as platform:
            with stage.databases.gate("round", "recipients", workers):
                platform.start_workers(workers)
            kinds = {"worker": platform.pids("worker"), "sink": server.pids}
            meter = Meter(kinds | stage.processes())
            meter.begin()
            begins = time.monotonic()
            until(lambda: server.taken() >= count, "all mails arrived")
            ends = until(lambda: delivered(stage) == count, "all mails were settled")
            used = meter.used()
    return Sample(count / (ends - begins), per_mail(used, count))


def delivered(stage: Stage) -> int:
    """Return how many recipients are recorded as delivered."""
    return int(stage.databases.ask("round", DELIVERED)[0][0])


def run(stage: Stage) -> Iterable[Row]:
    """Measure the rows of delivery over loopback."""
    results = alternate(stage.extent.rounds, _contenders(stage))
    queued = best(results, list(POST_OFFICE))
    tuned = best(results, list(TUNED))
    tasks = best(results, list(CELERY_EMAIL))
    full, plain = results[FULL], results[PLAIN]
    yield Row(f"delivery: {FULL}", "mails/s", full, *queued, at_least=2.5, aim=3)
    yield Row(f"delivery: {PLAIN}", "mails/s", plain, *queued, at_least=4, aim=5)
    yield Row(f"delivery: {FULL}", "mails/s", full, *tuned)
    yield Row(f"delivery: {PLAIN}", "mails/s", plain, *tuned)
    yield Row(f"delivery: {FULL}", "mails/s", full, *tasks, at_least=8)
    yield Row(f"delivery: {PLAIN}", "mails/s", plain, *tasks, at_least=8)


def _contenders(stage: Stage) -> dict[str, Contender]:
    count, tasks = stage.extent.of(MAILS), stage.extent.of(TASKS)
    sink = partial(SmtpSink, stage.folder)
    contenders: dict[str, Contender] = {
        FULL: partial(deliver, stage, sink, count, full=True),
        PLAIN: partial(deliver, stage, sink, count, full=False),
    }
    for name, options in (POST_OFFICE | TUNED).items():
        contenders[name] = partial(post_office.deliver, stage, sink, count, **options)
    for name, processes in CELERY_EMAIL.items():
        contenders[name] = partial(celery_email.deliver, stage, sink, tasks, processes=processes)
    return contenders
