"""Django's PostgreSQL, with less said between us and the server.

A look at the socket takes the place of a query before each request, and a statement that comes
hundreds of times a second is planned once in a while instead of each time.
"""

import logging
import time
from collections.abc import Sequence
from select import POLLIN, poll
from typing import Any

import psycopg
from django.db import ProgrammingError
from django.db.backends.postgresql import base
from psycopg import errors

logger = logging.getLogger(__name__)

PLAN_SECONDS = 10.0
"""How long a plan may be old: one that was made for an empty table reads a full one row by row."""
# What a server says that another client's statement, or none, was prepared on.
LED_ASTRAY = (errors.InvalidSqlStatementName, errors.DuplicatePreparedStatement)


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

    _crossed = False

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

        Worth it where planning takes as long as the rest. Nothing is kept without DATABASE_PREPARE,
        and once a pooler was seen to lead statements to another server than prepared them. What
        meets that first raises django.db.ProgrammingError, and may be run again.
        """
        self.ensure_connection()
        if self._crossed:
            return self._rows(self.cursor(), sql, params)
        if time.monotonic() >= self._planned + PLAN_SECONDS:
            self._planned = time.monotonic()
            with self.cursor() as cursor:
                cursor.execute("DISCARD PLANS")
        with self.wrap_database_errors:
            preparing = PreparingCursor(self.connection)
        # As `cursor` does; types for Django leave it out.
        cursor = self._prepare_cursor(preparing)  # type: ignore[attr-defined]
        try:
            return self._rows(cursor, sql, params)
        except ProgrammingError as error:
            if isinstance(error.__cause__, LED_ASTRAY):
                self._crossed = True
                logger.warning(
                    "statements are not prepared any more: what stands between us and PostgreSQL "
                    "can't bear it; set DATABASE_PREPARE=false (%s)",
                    error,
                )
            raise

    @staticmethod
    def _rows(cursor: Any, sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
        with cursor:
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
