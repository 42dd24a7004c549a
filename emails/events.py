"""The door out: what became of a mail comes back to its row through here, and only here."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from emails import transitions
from emails.insertion import insert
from emails.models import Email, EmailEvent, EventType, Recipient, Status
from emails.transitions import Settlement

logger = logging.getLogger(__name__)

BATCH = 500


class TooLate(Exception):
    """The email can't be cancelled any more; `status` says what it is instead."""

    def __init__(self, status: Status, ambiguous: bool) -> None:
        super().__init__(status)
        self.status, self.ambiguous = status, ambiguous


@dataclass(frozen=True, slots=True)
class Hit:
    """What a reader did: the type is `open` or `click`."""

    type: EventType
    email_id: int
    recipient_id: int
    timestamp: datetime
    data: dict[str, Any] = field(default_factory=dict)


def accepted(recipients: Iterable[Recipient]) -> None:
    """Record that recipients were accepted; within the transaction that made their rows."""
    insert(
        [
            EmailEvent(
                type=EventType.SCHEDULE if row.status == Status.SCHEDULED else EventType.QUEUE,
                email_id=row.email_id,
                recipient_id=row.pk,
            )
            for row in recipients
        ]
    )


def settle(settlements: Iterable[Settlement]) -> set[int]:
    """Record what attempts came to; see `transitions.settle`."""
    return transitions.settle(settlements)


def cancel(email: Email) -> None:
    """Cancel an email for all of its recipients. Raises TooLate where one may be sent."""
    with transaction.atomic():
        ids = transitions.cancel(email.pk)
        EmailEvent.objects.bulk_create(
            EmailEvent(type=EventType.CANCEL, email=email, recipient_id=pk) for pk in ids
        )
    if not ids:
        rows = list(email.recipients.all())
        raise TooLate(email.status, any(row.ambiguous for row in rows))
    logger.info("cancelled", extra={"message_id": email.public_id})


def record(hits: list[Hit]) -> None:
    """Store what readers did, in one transaction; hits on mail that was deleted are left out."""
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
            EmailEvent.objects.bulk_create(rows, batch_size=BATCH)
    except IntegrityError:
        _record_what_still_exists(rows)


def _record_what_still_exists(rows: list[EmailEvent]) -> None:
    known = set(
        Recipient.objects.filter(pk__in={row.recipient_id for row in rows}).values_list(
            "pk", "email_id"
        )
    )
    kept = [row for row in rows if (row.recipient_id, row.email_id) in known]
    EmailEvent.objects.bulk_create(kept, batch_size=BATCH)
    logger.info("left out %d hits on mail that was deleted", len(rows) - len(kept))
