"""Every change of a recipient's status: compare-and-swap updates; nothing else writes it.

Statuses stand as literals in the SQL: with a parameter, PostgreSQL's generic plan can't use the
partial indexes. The clock is the database's, so that workers on several machines agree.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction

from emails.models import EmailEvent, EventType, Priority, Recipient, Status

WAITING = "('scheduled', 'queued', 'deferred')"


@dataclass(frozen=True, slots=True)
class Settlement:
    """What an attempt came to: the new status, and the event that says why."""

    recipient_id: int
    token: uuid.UUID
    status: Status
    type: EventType
    data: dict[str, Any] = field(default_factory=dict)
    wait: float = 0.0  # seconds until the next attempt, where one follows
    ambiguous: bool = False
    suppress: bool = False  # the address is not to be tried again


@dataclass(frozen=True, slots=True)
class Claimed:
    """A recipient in the hands of one worker; `attempts` counts the one that begins now."""

    recipient_id: int
    email_id: int
    address: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Abandoned:
    """A recipient whose worker's lease ran out before an outcome was recorded."""

    recipient_id: int
    email_id: int
    attempts: int


def claim(limit: int, lease: float) -> tuple[uuid.UUID, list[Claimed]]:
    """Take up to `limit` due recipients for `lease` seconds, single sends before batches.

    Returns the lease token and what was taken. Costs the same however many rows wait or are done.
    """
    token = uuid.uuid4()
    taken: list[Claimed] = []
    with transaction.atomic(savepoint=False):
        for priority in Priority.values:
            if len(taken) < limit:
                taken += _claim_of_priority(int(priority), limit - len(taken), lease, token)
    return token, taken


def _claim_of_priority(priority: int, limit: int, lease: float, token: uuid.UUID) -> list[Claimed]:
    rows = _run(
        f"""
        WITH due AS MATERIALIZED (
            SELECT id FROM recipients
            WHERE status IN {WAITING} AND priority = {priority} AND next_attempt_at <= {_now()}
            ORDER BY next_attempt_at LIMIT %s {_skip_locked()}
        )
        UPDATE recipients SET status = 'sending', lease_token = %s, attempts = attempts + 1,
            next_attempt_at = {_in_seconds()}
        WHERE id {_among("due")} RETURNING id, email_id, address, attempts
        """,
        [limit, _uuid(token), lease],
    )
    return [Claimed(*row) for row in sorted(rows)]


def take_over(limit: int = 1000) -> list[Abandoned]:
    """Put recipients whose lease ran out back in the queue, due at once.

    Their first attempt may have gone out: each is marked ambiguous, and its event says so.
    """
    with transaction.atomic():
        rows = _run(
            f"""
            WITH lost AS MATERIALIZED (
                SELECT id FROM recipients
                WHERE status = 'sending' AND next_attempt_at <= {_now()}
                ORDER BY next_attempt_at LIMIT %s {_skip_locked()}
            )
            UPDATE recipients SET status = 'deferred', lease_token = NULL, ambiguous = {_true()}
            WHERE id {_among("lost")} RETURNING id, email_id, attempts
            """,
            [limit],
        )
        abandoned = [Abandoned(*row) for row in rows]
        EmailEvent.objects.bulk_create(map(_lease_lost, abandoned))
    return abandoned


def _lease_lost(row: Abandoned) -> EmailEvent:
    return EmailEvent(
        type=EventType.DEFER,
        email_id=row.email_id,
        recipient_id=row.recipient_id,
        data={"ambiguous": True, "reason": "lease lost", "attempt": row.attempts},
    )


def renew(token: uuid.UUID, ids: Sequence[int], lease: float) -> set[int]:
    """Hold the lease of `ids` for `lease` more seconds; return those that are still ours."""
    rows = _run(
        f"""
        {_held(ids)} UPDATE recipients SET next_attempt_at = {_in_seconds()}
        WHERE id {_among("held")} AND lease_token = %s RETURNING id
        """,
        [*ids, _uuid(token), lease, _uuid(token)],
    )
    return {row[0] for row in rows}


def give_back(token: uuid.UUID, ids: Sequence[int], wait: float = 0.0) -> int:
    """Return unsent recipients to the queue as if they had not been taken, due in `wait` seconds.

    Their number is returned.
    """
    rows = _run(
        f"""
        {_held(ids)} UPDATE recipients SET attempts = attempts - 1, lease_token = NULL,
            next_attempt_at = {_in_seconds()},
            status = CASE WHEN attempts > 1 THEN 'deferred' ELSE 'queued' END
        WHERE id {_among("held")} AND lease_token = %s RETURNING id
        """,
        [*ids, _uuid(token), wait, _uuid(token)],
    )
    return len(rows)


def settle(settlements: Iterable[Settlement]) -> set[int]:
    """Record outcomes and their events, all in one commit; return the ids that were settled.

    An id that is missing from the answer belongs to somebody else now: its lease was lost.
    """
    rows = list(settlements)
    if connection.vendor == "postgresql":
        return _settle_in_one_statement(rows)
    with transaction.atomic():
        return {row.recipient_id for row in rows if _settle_one(row)}


def _settle_in_one_statement(rows: list[Settlement]) -> set[int]:
    # Rows are locked in the order of their ids, as `cancel` does: no deadlock. A token stands only
    # on a row that is being sent; asking for the status too would have the planner read the whole
    # index of leases instead of the few rows by their ids.
    settled = _run(
        """
        WITH outcome AS MATERIALIZED (
            SELECT * FROM jsonb_to_recordset(%s) AS o(id bigint, token uuid, status text,
                type text, data jsonb, wait float8, ambiguous boolean)
        ), held AS MATERIALIZED (
            SELECT r.id FROM recipients r JOIN outcome o ON o.id = r.id
            WHERE r.lease_token = o.token ORDER BY r.id FOR UPDATE OF r
        ), settled AS (
            UPDATE recipients r SET status = o.status, lease_token = NULL,
                next_attempt_at = statement_timestamp() + o.wait * interval '1 second',
                ambiguous = r.ambiguous OR o.ambiguous
            FROM outcome o
            WHERE r.id = o.id AND r.id = ANY(ARRAY(SELECT id FROM held)) AND r.lease_token = o.token
            RETURNING r.id, r.email_id, o.type, o.data
        )
        INSERT INTO email_events (type, timestamp, email_id, recipient_id, data)
        SELECT type, statement_timestamp(), email_id, id, data FROM settled RETURNING recipient_id
        """,
        [json.dumps([_as_json(row) for row in rows])],
    )
    return {row[0] for row in settled}


def _as_json(row: Settlement) -> dict[str, Any]:
    return {
        "id": row.recipient_id,
        "token": str(row.token),
        "status": row.status,
        "type": row.type,
        "data": row.data,
        "wait": row.wait,
        "ambiguous": row.ambiguous,
    }


def _settle_one(row: Settlement) -> bool:
    found = _run(
        f"""
        UPDATE recipients SET status = %s, lease_token = NULL, next_attempt_at = {_in_seconds()},
            ambiguous = ambiguous OR %s
        WHERE id = %s AND lease_token = %s AND status = 'sending' RETURNING email_id
        """,
        [row.status.value, row.wait, row.ambiguous, row.recipient_id, _uuid(row.token)],
    )
    for (email_id,) in found:
        EmailEvent.objects.create(
            type=row.type, email_id=email_id, recipient_id=row.recipient_id, data=row.data
        )
    return bool(found)


def bounce_later(recipient_id: int) -> bool:
    """Move a recipient that went out, or may have, to bounced; False where it is neither."""
    out = ("delivered", "deferred", "expired")
    row = Recipient.objects.filter(pk=recipient_id, status__in=out)
    return row.update(status=Status.BOUNCED) == 1


def cancel(email_id: int) -> list[int]:
    """Cancel all recipients of an email, or none; return the ids that were cancelled.

    One statement locks the rows and looks at all of them: it cancels only where none was taken,
    sent, or possibly sent by an attempt whose end nobody saw.
    """
    locking = "FOR UPDATE" if connection.features.has_select_for_update else ""
    rows = _run(
        f"""
        WITH all_of_it AS MATERIALIZED (
            SELECT id, status, ambiguous FROM recipients
            WHERE email_id = %s ORDER BY id {locking}
        )
        UPDATE recipients SET status = 'cancelled'
        WHERE id IN (SELECT id FROM all_of_it) AND NOT EXISTS (
            SELECT 1 FROM all_of_it WHERE ambiguous OR status NOT IN {WAITING}
        ) RETURNING id
        """,
        [email_id],
    )
    return [row[0] for row in rows]


def _run(sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        # All of them: SQLite holds its lock until the last is read.
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _now() -> str:
    """SQL for this moment. SQLite knows only its millisecond: the end of that, in microseconds.

    So what was accepted within the same millisecond is due, and its bell is not in vain.
    """
    if connection.vendor == "postgresql":
        return "statement_timestamp()"
    return "strftime('%%Y-%%m-%%d %%H:%%M:%%f999', 'now')"


def _in_seconds() -> str:
    """SQL for the moment so many seconds (a parameter) from now."""
    if connection.vendor == "postgresql":
        return "statement_timestamp() + %s * interval '1 second'"
    return "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', %s || ' seconds')"


def _true() -> str:
    return "true" if connection.vendor == "postgresql" else "1"


def _held(ids: Sequence[int]) -> str:
    """SQL for the rows of `ids` with a token (parameters), locked in order, as `settle` does."""
    locking = "FOR UPDATE" if connection.features.has_select_for_update else ""
    return f"""
        WITH held AS MATERIALIZED (
            SELECT id FROM recipients
            WHERE id IN ({_marks(ids)}) AND lease_token = %s ORDER BY id {locking}
        )"""


def _among(rows: str) -> str:
    """SQL for an id among those of a CTE; of a bare IN, PostgreSQL makes a scan of all rows."""
    if connection.vendor == "postgresql":
        return f"= ANY(ARRAY(SELECT id FROM {rows}))"
    return f"IN (SELECT id FROM {rows})"


def _skip_locked() -> str:
    return "FOR UPDATE SKIP LOCKED" if connection.features.has_select_for_update else ""


def _marks(ids: Sequence[int]) -> str:
    return ", ".join(["%s"] * len(ids)) or "NULL"


def _uuid(token: uuid.UUID) -> Any:
    return Recipient._meta.get_field("lease_token").get_db_prep_value(token, connection)
