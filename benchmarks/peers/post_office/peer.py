"""django-post_office's `send_queued_mail` as a contender."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from benchmarks.cpu import Meter, per_mail
from benchmarks.measure import Sample, until
from benchmarks.peers.project import Project, ended
from benchmarks.sinks import Sink
from benchmarks.stage import Stage

TABLE = "post_office_email"
SENT = f"SELECT count(*) FROM {TABLE} WHERE status = 0"
NAME = "django-post_office"


def filled(stage: Stage, count: int) -> str:
    """Return the name of a database in which `count` mails wait."""
    return stage.once(f"post_office_{count}", lambda name: _made(stage, name, count))


def _made(stage: Stage, name: str, count: int) -> str:
    url = stage.databases.make(name)
    project = Project("post_office", stage.room("post-office"), DATABASE_URL=url)
    project.run("django", "migrate", "-v0")
    project.run("benchmarks.peers.post_office.fill", str(count))
    stage.databases.settle(name)
    return name


def deliver(
    stage: Stage,
    sink: Callable[[], AbstractContextManager[Sink]],
    count: int,
    *,
    processes: int,
    **settings: int,
) -> Sample:
    """Send `count` mails; from the opening of its queue until all are recorded. Mails a second.

    `settings` are THREADS, BATCH_SIZE and LOG_LEVEL where they are not its defaults.
    """
    url = stage.databases.make("round", filled(stage, count))
    stage.databases.ask("round", "CHECKPOINT")
    with sink() as server:
        values = {"SINK_PORT": server.port, **settings}
        project = Project(
            "post_office",
            stage.room("post-office"),
            DATABASE_URL=url,
            **{name: str(value) for name, value in values.items()},
        )
        with stage.databases.gate("round", TABLE, 1):
            words = ["--processes", str(processes), "--lockfile", str(project.folder / "lock")]
            process = project.start("django", "send_queued_mail", *words)
        kinds = {"peer": lambda: [process.pid], "sink": server.pids, **stage.processes()}
        meter = Meter(kinds)
        meter.begin()
        begins = time.monotonic()
        try:
            until(lambda: server.taken() >= count, "django-post_office sent all")
            ends = until(lambda: _sent(stage) == count, "django-post_office recorded all")
            used = meter.used()
        finally:
            ended(process)
    return Sample(count / (ends - begins), per_mail(used, count))


def _sent(stage: Stage) -> int:
    return int(stage.databases.ask("round", SENT)[0][0])


def send_many(stage: Stage, batches: int, size: int) -> Sample:
    """Queue so many batches in one process. Mails a second."""
    stage.once("post_office_empty", lambda name: _made(stage, name, 0))
    url = stage.databases.make("round", "post_office_empty")
    stage.databases.ask("round", "CHECKPOINT")
    project = Project("post_office", stage.room("post-office"), DATABASE_URL=url)
    meter = Meter(stage.processes())
    meter.begin()
    said = project.run("benchmarks.peers.post_office.send_many", str(batches), str(size))
    seconds, used = map(float, said.split())
    servers = {kind: spent * batches / (batches + 1) for kind, spent in meter.used().items()}
    count = batches * size
    return Sample(count / seconds, per_mail({"peer": used, **servers}, count))
