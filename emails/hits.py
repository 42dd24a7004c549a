"""Stores what readers did, as many hits as there are in one statement."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from django.db import DataError, IntegrityError, connection, transaction

from emails.models import EmailEvent, Recipient

if TYPE_CHECKING:
    from emails.events import Hit

logger = logging.getLogger(__name__)

BATCH = 500

# The recipient is looked up for each hit by itself (OFFSET 0 keeps the planner from joining the
# whole table), so that hits on mail that was deleted fall out and break nothing.
INSERT = """
    INSERT INTO email_events (type, timestamp, email_id, recipient_id, data)
    SELECT hit.type, hit.timestamp, hit.email_id, hit.recipient_id, hit.data
    FROM jsonb_to_recordset(%s::jsonb) AS hit (
        type text, timestamp timestamptz, email_id bigint, recipient_id bigint, data jsonb
    ) CROSS JOIN LATERAL (
        SELECT FROM recipients
        WHERE recipients.id = hit.recipient_id AND recipients.email_id = hit.email_id OFFSET 0
    ) AS existing
"""


def store(hits: list[Hit]) -> None:
    """Store all hits or raise django.db.Error.

    Left out, with a line in the log, are those on mail that was deleted and those that the
    database can't hold.
    """
    try:
        _store(hits)
    except DataError:
        with (
            transaction.atomic()
        ):  # all of them or none: none is stored twice, none is spooled twice
            for hit in hits:
                _store_if_possible(hit)


def _store_if_possible(hit: Hit) -> None:
    try:
        with transaction.atomic():
            _store([hit])
    except DataError as error:
        logger.error("a hit can't be stored: %s", error, extra={"hit": repr(hit)})


def _store(hits: list[Hit]) -> None:
    insert = _insert_existing if connection.vendor == "postgresql" else _insert
    if len(hits) <= BATCH:
        stored = insert(hits)
    else:
        with transaction.atomic():
            stored = sum(insert(hits[at : at + BATCH]) for at in range(0, len(hits), BATCH))
    if stored < len(hits):
        logger.info("left out %d hits on mail that was deleted", len(hits) - stored)


def _insert_existing(hits: list[Hit]) -> int:
    """Store hits in one statement, which is its own transaction where none is open."""
    try:
        return _insert_by_statement(hits)
    except IntegrityError:  # deleted between the statement's look and its end
        return _insert_by_statement(hits)


def _insert_by_statement(hits: list[Hit]) -> int:
    document = json.dumps([_members(hit) for hit in hits])
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [document])
        return int(cursor.rowcount)


def _members(hit: Hit) -> dict[str, Any]:
    return {
        "type": hit.type,
        "timestamp": hit.timestamp.isoformat(),
        "email_id": hit.email_id,
        "recipient_id": hit.recipient_id,
        "data": hit.data,
    }


def _insert(hits: list[Hit]) -> int:
    rows = [
        EmailEvent(
            type=hit.type,
            timestamp=hit.timestamp,
            email_id=hit.email_id,
            recipient_id=hit.recipient_id,
            data=hit.data,
        )
        for hit in hits
    ]
    try:
        with transaction.atomic():
            return len(EmailEvent.objects.bulk_create(rows))
    except IntegrityError:
        kept = _existing(rows)
        return len(EmailEvent.objects.bulk_create(kept))


def _existing(rows: list[EmailEvent]) -> list[EmailEvent]:
    """Return those whose mail was not deleted."""
    named = Recipient.objects.filter(pk__in={row.recipient_id for row in rows})
    known = set(named.values_list("pk", "email_id"))
    return [row for row in rows if (row.recipient_id, row.email_id) in known]
