"""Bounds how long a web process waits for an answer of PostgreSQL.

A server that is paused or swaps keeps its connections open and says nothing: neither its own
statement_timeout nor TCP ends a query then. A request must not hold its thread for as long as that
lasts; it is answered 503, as where the server is gone.
"""

from __future__ import annotations

from typing import Any

import psycopg
from django.conf import settings
from django.db.backends.signals import connection_created
from psycopg.pq import TransactionStatus


class Bounded(psycopg.Connection[Any]):
    """A connection to PostgreSQL that fails where an answer takes too long."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait for what psycopg asked. Raises OperationalError and closes, when it is too late."""
        try:
            return super().wait(gen, interval, timeout or settings.DATABASE_ANSWER_SECONDS)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.close()  # its answer may still come, and must not be read as another's
            raise


def bound_answers() -> None:
    """Have queries of this process fail after DATABASE_ANSWER_SECONDS, on connections to come.

    For the web: what a worker has to record, it records however long that takes.
    """
    connection_created.connect(_bound, dispatch_uid="bound_answers")


def _bound(connection: Any, **_: Any) -> None:
    if connection.vendor == "postgresql":
        connection.connection.__class__ = Bounded
