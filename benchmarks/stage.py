"""The stage of a run: one PostgreSQL, durable, and one Redis, for us and for every peer."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from benchmarks.databases import Databases
from tests.servers import PostgresServer, RedisServer

PEERS = ("post_office", "celery_email", "bare")


@dataclass(frozen=True, slots=True)
class Extent:
    """How often and how much: rounds, and the factor on the numbers of mails."""

    rounds: int = 3
    scale: float = 1.0

    def of(self, count: int, least: int = 100) -> int:
        """Return `count` scaled, and not below what can still be measured."""
        return max(least, int(count * self.scale))


@dataclass(slots=True)
class Stage:
    """A context manager; what is started in it ends with it."""

    extent: Extent
    folder: Path = field(init=False)
    postgres: PostgresServer = field(init=False)
    redis: RedisServer = field(init=False)
    databases: Databases = field(init=False)
    _made: dict[str, str] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        with self._stack as stack:
            name = stack.enter_context(tempfile.TemporaryDirectory(prefix="mailer-bench-"))
            self.folder = Path(name)
            self.postgres = stack.enter_context(PostgresServer(durable=True))
            self.redis = stack.enter_context(RedisServer())
            self.databases = Databases(self.postgres)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def once(self, name: str, make: Callable[[str], str]) -> str:
        """Make the database `name` the first time that it is asked for; return what `make` did."""
        if name not in self._made:
            self._made[name] = make(name)
        return self._made[name]

    def room(self, name: str) -> Path:
        """Return an empty folder of that name or one like it."""
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder))

    def processes(self) -> dict[str, Callable[[], list[int]]]:
        """Return the servers, to be measured."""
        servers = {"postgres": self.postgres, "redis": self.redis}
        return {name: _pids(server) for name, server in servers.items()}


def _pids(server: PostgresServer | RedisServer) -> Callable[[], list[int]]:
    return lambda: [server.process.pid] if server.process else []
