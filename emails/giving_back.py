"""Undoes a claim: recipients to which nothing was sent go back to the queue."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from emails.dialect import as_uuid, in_seconds, run


@dataclass(frozen=True, slots=True)
class Unsent:
    """A recipient that goes back to the queue, due in `wait` seconds."""

    recipient_id: int
    token: uuid.UUID
    wait: float = 0.0


def give_back(rows: Iterable[Unsent]) -> int:
    """Return unsent recipients to the queue as if they had not been taken; return their number.

    All in one commit: there may be hundreds, each with a wait of its own.
    """
    unsent = list(rows)
    if connection.vendor == "postgresql":
        return len(_give_back_in_one_statement(unsent))
    with transaction.atomic():
        return sum(_give_back_one(row) for row in unsent)


def _give_back_in_one_statement(rows: list[Unsent]) -> list[tuple[Any, ...]]:
    return run(
        """
        WITH unsent AS MATERIALIZED (
            SELECT * FROM jsonb_to_recordset(%s) AS u(id bigint, token uuid, wait float8)
        ), held AS MATERIALIZED (
            SELECT r.id FROM recipients r JOIN unsent u ON u.id = r.id
            WHERE r.lease_token = u.token ORDER BY r.id FOR UPDATE OF r
        )
        UPDATE recipients r SET attempts = r.attempts - 1, lease_token = NULL,
            next_attempt_at = statement_timestamp() + u.wait * interval '1 second',
            status = CASE WHEN r.attempts > 1 THEN 'deferred' ELSE 'queued' END
        FROM unsent u
        WHERE r.id = u.id AND r.id = ANY(ARRAY(SELECT id FROM held)) AND r.lease_token = u.token
        RETURNING r.id
        """,
        [json.dumps([{"id": r.recipient_id, "token": str(r.token), "wait": r.wait} for r in rows])],
    )


def _give_back_one(row: Unsent) -> bool:
    found = run(
        f"""
        UPDATE recipients SET attempts = attempts - 1, lease_token = NULL,
            next_attempt_at = {in_seconds()},
            status = CASE WHEN attempts > 1 THEN 'deferred' ELSE 'queued' END
        WHERE id = %s AND lease_token = %s RETURNING id
        """,
        [row.wait, row.recipient_id, as_uuid(row.token)],
    )
    return bool(found)
