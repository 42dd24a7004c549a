"""Databases of one server: made from each other, so that every round finds the same rows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from tests.servers import HOST, PostgresServer

WAIT_SECONDS = 60.0
WAITING = """
    SELECT count(DISTINCT pid) FROM pg_locks
    WHERE NOT granted AND relation = to_regclass(%s) AND database =
        (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class Databases:
    """Makes, copies and asks databases of a server."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server

    def url(self, name: str) -> str:
        """Return where a database is, as a setting."""
        return f"postgres://{self._server.user}@{HOST}:{self._server.port}/{name}"

    def make(self, name: str, template: str = "template0") -> str:
        """Make a database anew, as a copy of another one, and return where it is."""
        self.ask("postgres", f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        self.ask("postgres", f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        return self.url(name)

    def settle(self, name: str) -> None:
        """Leave the server nothing to do: no autovacuum of new rows, no checkpoint that is due."""
        self.ask(name, "VACUUM ANALYZE")
        self.ask(name, "CHECKPOINT")

    def ask(self, name: str, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Run one statement outside of a transaction and return its rows."""
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            cursor = connection.execute(sql, values or None)
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def gate(self, name: str, table: str, waiters: int) -> Iterator[None]:
        """Lock a table until so many processes wait for it; they begin when this is left.

        Whatever is started within the context has started up by then, on both sides alike.
        """
        with psycopg.connect(self.url(name)) as holder:
            holder.execute(f'LOCK TABLE "{table}" IN ACCESS EXCLUSIVE MODE')
            yield
            ends = time.monotonic() + WAIT_SECONDS
            while self.ask(name, WAITING, table)[0][0] < waiters:
                if time.monotonic() > ends:
                    raise RuntimeError(f"nobody came to {table} within {WAIT_SECONDS:.0f} s")
                time.sleep(0.05)
            time.sleep(0.3)  # for what starts beside
