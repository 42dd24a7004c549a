"""SQL as the two databases speak it: moments, locks, ids; for statements that change recipients."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from emails.models import Recipient


def run(sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Execute a statement and return its rows."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        # All of them: SQLite holds its lock until the last is read.
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def run_planned(sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Like `run`, for a statement of PostgreSQL that takes as long to plan as to execute."""
    rows: list[tuple[Any, ...]] = connection.run_planned(sql, params)  # type: ignore[attr-defined]
    return rows


def now() -> str:
    """SQL for this moment. SQLite knows only its millisecond: the end of that, in microseconds.

    So what was accepted within the same millisecond is due, and its bell is not in vain.
    """
    if connection.vendor == "postgresql":
        return "statement_timestamp()"
    return "strftime('%%Y-%%m-%%d %%H:%%M:%%f999', 'now')"


def clock() -> datetime | None:
    """Return this moment by the clock of PostgreSQL; of SQLite that is our own."""
    if connection.vendor != "postgresql":
        return None
    [(moment,)] = run("SELECT statement_timestamp()", [])
    return moment  # type: ignore[no-any-return]


def in_seconds() -> str:
    """SQL for the moment so many seconds (a parameter) from now."""
    if connection.vendor == "postgresql":
        return "statement_timestamp() + %s * interval '1 second'"
    return "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', %s || ' seconds')"


def lower(column: str) -> str:
    """SQL for ASCII in lower case, whatever the language of the database is."""
    if connection.vendor == "postgresql":
        return f'(lower(recipients.{column} COLLATE "C") COLLATE "default")'
    return f"lower(recipients.{column})"


def true() -> str:
    """SQL for a true boolean."""
    return "true" if connection.vendor == "postgresql" else "1"


def held(ids: Sequence[int]) -> str:
    """SQL for the rows of `ids` with a token (parameters), locked in order, as `settle` does."""
    locking = "FOR UPDATE" if connection.features.has_select_for_update else ""
    return f"""
        WITH held AS MATERIALIZED (
            SELECT id FROM recipients
            WHERE id IN ({marks(ids)}) AND lease_token = %s ORDER BY id {locking}
        )"""


def among(rows: str) -> str:
    """SQL for an id among those of a CTE; of a bare IN, PostgreSQL makes a scan of all rows."""
    if connection.vendor == "postgresql":
        return f"= ANY(ARRAY(SELECT id FROM {rows}))"
    return f"IN (SELECT id FROM {rows})"


def skip_locked() -> str:
    """SQL that locks rows, and leaves out those that somebody else has locked."""
    return "FOR UPDATE SKIP LOCKED" if connection.features.has_select_for_update else ""


def marks(ids: Sequence[int]) -> str:
    """SQL for the places of parameters in a list that may be empty."""
    return ", ".join(["%s"] * len(ids)) or "NULL"


def as_uuid(token: uuid.UUID) -> Any:
    """Return a lease token as a parameter."""
    return Recipient._meta.get_field("lease_token").get_db_prep_value(token, connection)
