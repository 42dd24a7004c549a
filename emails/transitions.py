"""Changes of a recipient's status, by compare-and-swap.

What undoes a claim is in `giving_back.py` and `taking_over.py`.

Statuses stand as literals in the SQL: with a parameter, PostgreSQL's generic plan can't use the
partial indexes. The clock is the database's, so that workers on several machines agree.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction

from emails import doorbell
from emails.dialect import (
    among,
    as_uuid,
    held,
    in_seconds,
    lower,
    marks,
    now,
    run,
    run_planned,
    skip_locked,
)
from emails.metrics import RECIPIENTS_SUPPRESSED
from emails.models import EmailEvent, EventType, Priority, Recipient, Status, Suppression
from emails.suppressing import found_among

WAITING = "('scheduled', 'queued', 'deferred')"
WAITING_OR_SUPPRESSED = "('scheduled', 'queued', 'deferred', 'suppressed')"
MOST_ATTEMPTS = 32_767  # a column's bound; one who is tried every minute comes to it in 23 days
ONE_MORE_ATTEMPT = (
    f"attempts = CASE WHEN attempts < {MOST_ATTEMPTS} THEN attempts + 1 ELSE attempts END"
)
MOST_SUPPRESSED = 500  # in one claim: what it has settled is read again by each of its statements


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
    urgent: bool  # of no batch


def claim(limit: int, lease: float) -> tuple[uuid.UUID, list[Claimed]]:
    """Take up to `limit` due recipients for `lease` seconds, single sends before batches.

    Returns the lease token and what was taken. Costs the same however many rows wait or are done.
    Whose address was suppressed meanwhile is settled as that; after MOST_SUPPRESSED a bell is rung.
    """
    token, left = uuid.uuid4(), MOST_SUPPRESSED
    taken: list[Claimed] = []
    with transaction.atomic(savepoint=False):
        for priority in Priority.values:
            while len(taken) < limit and left > 0:
                wanted = limit - len(taken)
                rows = _claim_of_priority(int(priority), wanted, lease, token)
                listed = {row.recipient_id: entry for row, entry in rows if entry}
                suppressed = _settle_suppressed(listed)
                taken += [row for row, _ in rows if row.recipient_id not in suppressed]
                left -= len(suppressed)
                if len(rows) < wanted or not suppressed:
                    break
        if left <= 0:
            transaction.on_commit(doorbell.ring)
    return token, taken


def _claim_of_priority(
    priority: int, limit: int, lease: float, token: uuid.UUID
) -> list[tuple[Claimed, int | None]]:
    """Take rows, each with the suppression of its address, if there is one.

    That is looked for in ASCII: `lower` of a database knows no more of it than that, or another
    alphabet's rules. Other addresses are rare enough to be looked for by a query of their own.
    """
    rows = run(
        f"""
        WITH due AS MATERIALIZED (
            SELECT id FROM recipients
            WHERE status IN {WAITING} AND priority = {priority} AND next_attempt_at <= {now()}
            ORDER BY next_attempt_at LIMIT %s {skip_locked()}
        )
        UPDATE recipients SET status = 'sending', lease_token = %s, {ONE_MORE_ATTEMPT},
            next_attempt_at = {in_seconds()}
        WHERE id {among("due")} RETURNING id, email_id, address, attempts, (
            SELECT entry.id FROM suppressions entry
            WHERE entry.project_id = recipients.project_id AND entry.address = {lower("address")}
        ), project_id
        """,
        [limit, as_uuid(token), lease],
    )
    urgent = priority == Priority.SINGLE
    return [
        (Claimed(pk, email, address, tries, urgent), entry or _suppression_of(project, address))
        for pk, email, address, tries, entry, project in sorted(rows)
    ]


def _suppression_of(project_id: int, address: str) -> int | None:
    # In ASCII it would have been found.
    found = {} if address.isascii() else found_among(project_id, [address])
    return found[address].pk if found else None


def _settle_suppressed(listed: Mapping[int, int]) -> set[int]:
    """Settle recipients that were just claimed, each by the suppression of its address.

    Returns the ids of those that were: an address may have left the list since the claim saw it.
    """
    entries = Suppression.objects.in_bulk({*listed.values()}) if listed else {}
    says = {pk: entries[entry].facts() for pk, entry in listed.items() if entry in entries}
    if not says:
        return set()
    rows = run(
        f"""
        UPDATE recipients SET status = 'suppressed', lease_token = NULL, attempts = attempts - 1
        WHERE id IN ({marks([*says])}) RETURNING id, email_id
        """,
        [*says],
    )
    EmailEvent.objects.bulk_create(
        EmailEvent(type=EventType.SUPPRESS, email_id=email_id, recipient_id=pk, data=says[pk])
        for pk, email_id in rows
    )
    RECIPIENTS_SUPPRESSED.labels("claim").inc(len(rows))
    return {*says}


def renew(token: uuid.UUID, ids: Sequence[int], lease: float) -> set[int]:
    """Hold the lease of `ids` for `lease` more seconds; return those that are still ours."""
    rows = run(
        f"""
        {held(ids)} UPDATE recipients SET next_attempt_at = {in_seconds()}
        WHERE id {among("held")} AND lease_token = %s RETURNING id
        """,
        [*ids, as_uuid(token), lease, as_uuid(token)],
    )
    return {row[0] for row in rows}


def settle(settlements: Iterable[Settlement]) -> set[tuple[int, uuid.UUID]]:
    """Record outcomes and their events, all in one commit; return the ids and tokens settled.

    An id with a token that is missing from the answer belongs to somebody else now: its lease was
    lost. The other one may have its outcome in the same call.
    """
    rows = list(settlements)
    if connection.vendor == "postgresql":
        return _settle_in_one_statement(rows)
    with transaction.atomic():
        return {(row.recipient_id, row.token) for row in rows if _settle_one(row)}


def _settle_in_one_statement(rows: list[Settlement]) -> set[tuple[int, uuid.UUID]]:
    # Rows are locked in the order of their ids, as `cancel` does: no deadlock. A token stands only
    # on a row that is being sent; asking for the status too would have the planner read the whole
    # index of leases instead of the few rows by their ids.
    settled: list[Any] = run_planned(
        f"""
        WITH outcome AS MATERIALIZED (
            SELECT * FROM jsonb_to_recordset(%s) AS o(id bigint, token uuid, status text,
                type text, data jsonb, wait float8, ambiguous boolean)
        ), held AS MATERIALIZED (
            SELECT id FROM recipients
            WHERE id {among("outcome")} AND lease_token = ANY(ARRAY(SELECT token FROM outcome))
            ORDER BY id FOR UPDATE
        ), settled AS (
            UPDATE recipients r SET status = o.status, lease_token = NULL,
                next_attempt_at = statement_timestamp() + o.wait * interval '1 second',
                ambiguous = r.ambiguous OR o.ambiguous
            FROM outcome o
            WHERE r.id = o.id AND r.id {among("held")} AND r.lease_token = o.token
            RETURNING r.id, o.token, r.email_id, o.type, o.data
        ), recorded AS (
            INSERT INTO email_events (type, timestamp, email_id, recipient_id, data)
            SELECT type, statement_timestamp(), email_id, id, data FROM settled
        )
        SELECT id, token FROM settled
        """,
        [json.dumps([_as_json(row) for row in rows])],
    )
    return set(settled)


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
    found = run(
        f"""
        UPDATE recipients SET status = %s, lease_token = NULL, next_attempt_at = {in_seconds()},
            ambiguous = ambiguous OR %s
        WHERE id = %s AND lease_token = %s AND status = 'sending' RETURNING email_id
        """,
        [row.status.value, row.wait, row.ambiguous, row.recipient_id, as_uuid(row.token)],
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
    """Cancel all recipients of an email but the suppressed, or none; return their ids.

    One statement locks the rows and looks at all of them: it cancels only where none was taken,
    sent, or possibly sent by an attempt whose end nobody saw.
    """
    locking = "FOR UPDATE" if connection.features.has_select_for_update else ""
    rows = run(
        f"""
        WITH all_of_it AS MATERIALIZED (
            SELECT id, status, ambiguous FROM recipients
            WHERE email_id = %s ORDER BY id {locking}
        )
        UPDATE recipients SET status = 'cancelled'
        WHERE id IN (SELECT id FROM all_of_it WHERE status IN {WAITING}) AND NOT EXISTS (
            SELECT 1 FROM all_of_it WHERE ambiguous OR status NOT IN {WAITING_OR_SUPPRESSED}
        ) RETURNING id
        """,
        [email_id],
    )
    return [row[0] for row in rows]
