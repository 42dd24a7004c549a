"""The bare project behind the same web server with the same options."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.measure import until
from benchmarks.ours import granian
from benchmarks.peers.project import Project, ended
from benchmarks.sinks import listens
from benchmarks.stage import Stage
from tests.servers import free_port

NAME = "a bare Django view"


@contextmanager
def serving(stage: Stage) -> Iterator[tuple[int, int]]:
    """Serve it from an empty database "round"; yields its port and its process."""
    stage.once("bare", lambda name: _made(stage, name))
    url = stage.databases.make("round", "bare")
    stage.databases.ask("round", "CHECKPOINT")
    port = free_port()
    project = Project("bare", stage.room("bare"), DATABASE_URL=url)
    process = project.start(*granian(port, "benchmarks.peers.bare.wsgi:application"))
    try:
        until(lambda: listens(port), "the bare project answered", 30)
        yield port, process.pid
    finally:
        ended(process)


def _made(stage: Stage, name: str) -> str:
    url = stage.databases.make(name)
    project = Project("bare", stage.room("bare"), DATABASE_URL=url)
    project.run("django", "migrate", "--run-syncdb", "-v0")
    return name
