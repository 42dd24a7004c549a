"""Django's PostgreSQL, with less said between us and the server.

A look at the socket takes the place of a query before each request, and a statement that comes
hundreds of times a second is planned once in a while instead of each time.
"""

import time
from collections.abc import Sequence
from select import POLLIN, poll
from typing import Any

import psycopg
from django.db.backends.postgresql import base

PLAN_SECONDS = 10.0
"""How long a plan may be old: one that was made for an empty table reads a full one row by row."""


class PreparingCursor(psycopg.Cursor[Any]):
    """Has the server prepare each statement, which has its parameters apart."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> "PreparingCursor":
        """Execute a statement. It is prepared at its first time on this connection."""
        return super().execute(query, params, prepare=True, **options)


class DatabaseWrapper(base.DatabaseWrapper):
    """Knows a connection that its server has closed without asking the server.

    CONN_HEALTH_CHECKS has Django send `SELECT 1` in each request: a round trip that costs as much
    as finding the caller. But a server that ends says so, and its word waits in the socket.
    """

    def is_usable(self) -> bool:
        """Tell whether a query may be sent; asks the server only where there is a doubt."""
        if self.errors_occurred or _something_waits(self.connection):
            return bool(super().is_usable())
        return True

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect. What was planned on the last connection is gone with it."""
        self._planned = 0.0
        return super().get_new_connection(conn_params)

    def run_planned(self, sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Execute a statement whose plan is kept for PLAN_SECONDS, and return its rows.

        Worth it where planning takes as long as the rest. Without DATABASE_PREPARE nothing is kept.
        """
        self.ensure_connection()
        if time.monotonic() >= self._planned + PLAN_SECONDS:
            self._planned = time.monotonic()
            with self.cursor() as cursor:
                cursor.execute("DISCARD PLANS")
        with self.wrap_database_errors:
            preparing = PreparingCursor(self.connection)
        # As `cursor` does; types for Django leave it out.
        with self._prepare_cursor(preparing) as cursor:  # type: ignore[attr-defined]
            cursor.execute(sql, params)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows


def _something_waits(connection: Any) -> bool:
    """Tell whether an idle connection has something to read: its end, or a harmless notice."""
    if connection is None or connection.closed:
        return True
    look = poll()  # select() can't take a large file descriptor
    look.register(connection.fileno(), POLLIN)
    return bool(look.poll(0))
