"""django-celery-email with a chunk of 1 as a contender."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from benchmarks.cpu import Meter, per_mail
from benchmarks.measure import Sample, until
from benchmarks.peers.project import Project, ended
from benchmarks.sinks import Sink
from benchmarks.stage import Stage

NAME = "django-celery-email"
CHEAPEST = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING")


def deliver(
    stage: Stage, sink: Callable[[], AbstractContextManager[Sink]], count: int, *, processes: int
) -> Sample:
    """Send `count` mails that wait in Redis; from the first at the sink to the last. Mails/s.

    Nothing is recorded anywhere, and there is no table to hold it back by: it gets as a present
    what happens before its first mail arrives.
    """
    stage.redis.flush()
    with sink() as server:
        project = Project(
            "celery_email",
            stage.room("celery-email"),
            REDIS_URL=stage.redis.url,
            SINK_PORT=str(server.port),
        )
        project.run("benchmarks.peers.celery_email.fill", str(count))
        words = ["-A", "benchmarks.peers.celery_email.app", "worker", *CHEAPEST]
        process = project.start("celery", *words, "--concurrency", str(processes))
        kinds = {"peer": lambda: [process.pid], "sink": server.pids, **stage.processes()}
        meter = Meter(kinds)
        try:
            begins = until(lambda: server.taken() > 0, "django-celery-email began")
            already = server.taken()
            meter.begin()
            ends = until(lambda: server.taken() >= count, "django-celery-email sent all")
            used = meter.used()
        finally:
            ended(process)
    return Sample((count - already) / (ends - begins), per_mail(used, count - already))
