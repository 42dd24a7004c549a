"""What waits: how many recipients by status, and for how long the oldest of them is overdue.

Only partial indexes are read, so that finished rows cost nothing; statuses are literals for their
sake, as in `emails/transitions.py`. Ages are by the database's clock.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError, connection, transaction

from emails.models import Priority, Status
from emails.transitions import WAITING

UNFINISHED = (Status.SCHEDULED, Status.QUEUED, Status.SENDING, Status.DEFERRED)
QUERY_CANCELED = "57014"  # PostgreSQL's SQLSTATE after statement_timeout
LOOK_EVERY = 1000  # instructions of SQLite's machine


class TooSlow(Exception):
    """The answer took longer than it may."""


def depth(seconds: float) -> dict[Status, int]:
    """Count the recipients of every status that is not final.

    Raises TooSlow after `seconds`, as many millions may wait, and django.db.Error.
    """
    with _at_most(seconds):
        rows = _run(
            f"""
            SELECT status, count(*) FROM recipients {_indexed_by("recipients_due")}
            WHERE status IN {WAITING} GROUP BY status
            UNION ALL
            SELECT 'sending', count(*) FROM recipients {_indexed_by("recipients_leased")}
            WHERE status = 'sending'
            """
        )
    return dict.fromkeys(UNFINISHED, 0) | {Status(status): n for status, n in rows}


def oldest_due_seconds(seconds: float) -> float:
    """Return for how long somebody could have taken the recipient that waits longest; 0 if none.

    A lease that ran out counts as well as an attempt that is due. Raises TooSlow after `seconds`,
    and django.db.Error.
    """
    waits = [
        _oldest("recipients_due", f"status IN {WAITING} AND priority = {int(priority)}")
        for priority in Priority.values
    ]
    with _at_most(seconds):
        ages = [
            float(age)
            for sql in (*waits, _oldest("recipients_leased", "status = 'sending'"))
            for (age,) in _run(sql)
        ]
    return max(0.0, *ages) if ages else 0.0


def _oldest(index: str, condition: str) -> str:
    return f"""
        SELECT {_seconds_since("next_attempt_at")} FROM recipients {_indexed_by(index)}
        WHERE {condition} ORDER BY next_attempt_at LIMIT 1
    """


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Have the database give up after so long, on both kinds of it."""
    limited = _limited_postgres if connection.vendor == "postgresql" else _limited_sqlite
    try:
        with limited(seconds):
            yield
    except OperationalError as error:
        if _was_cut(error.__cause__):
            raise TooSlow from error
        raise


@contextmanager
def _limited_postgres(seconds: float) -> Iterator[None]:
    with transaction.atomic(), connection.cursor() as cursor:  # SET LOCAL ends with it
        cursor.execute(f"SET LOCAL statement_timeout = {max(1, int(seconds * 1000))}")
        yield


@contextmanager
def _limited_sqlite(seconds: float) -> Iterator[None]:
    connection.ensure_connection()
    database: sqlite3.Connection = connection.connection
    ends = time.monotonic() + seconds
    database.set_progress_handler(lambda: time.monotonic() > ends, LOOK_EVERY)
    try:
        yield
    finally:
        database.set_progress_handler(None, 0)


def _was_cut(cause: BaseException | None) -> bool:
    if isinstance(cause, sqlite3.OperationalError):
        return cause.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT
    return getattr(cause, "sqlstate", None) == QUERY_CANCELED


def _run(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _indexed_by(index: str) -> str:
    """SQLite would rather read the whole table, and can be told not to; PostgreSQL knows."""
    return f"INDEXED BY {index}" if connection.vendor == "sqlite" else ""


def _seconds_since(column: str) -> str:
    if connection.vendor == "postgresql":
        return f"extract(epoch FROM statement_timestamp() - {column})"
    return f"(julianday('now') - julianday({column})) * 86400"
