"""Work that waits for another's lock, but not for ever."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction

LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL's SQLSTATE after lock_timeout


class LockedTooLong(Exception):
    """Another transaction held what this one needs, for longer than it would wait."""


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Let each write in the block wait at most `seconds` for the lock of another.

    On SQLite that is the one lock of the whole file; on PostgreSQL it holds for transactions begun
    with `patient_transaction`. Raises LockedTooLong.
    """
    try:
        with _busy_timeout(int(seconds * 1000)):
            yield
    except OperationalError as error:
        if _is_timeout(error.__cause__):
            raise LockedTooLong from error
        raise


@contextmanager
def patient_transaction(seconds: float) -> Iterator[None]:
    """Run the block in a transaction, within `patience` of as many seconds."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            _run(f"SET LOCAL lock_timeout = {int(seconds * 1000)}")  # ends with the transaction
        yield


@contextmanager
def _busy_timeout(milliseconds: int) -> Iterator[None]:
    """SQLite waits where a transaction begins (IMMEDIATE), and by a setting of the connection."""
    if connection.vendor != "sqlite":
        yield
        return
    usual = int(connection.settings_dict["OPTIONS"]["timeout"] * 1000)
    _run(f"PRAGMA busy_timeout = {milliseconds}")
    try:
        yield
    finally:
        _run(f"PRAGMA busy_timeout = {usual}")


def _is_timeout(cause: BaseException | None) -> bool:
    if isinstance(cause, sqlite3.OperationalError):
        return cause.sqlite_errorcode == sqlite3.SQLITE_BUSY
    return getattr(cause, "sqlstate", None) == LOCK_NOT_AVAILABLE


def _run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
