"""The door out: what became of a mail comes back to its row through here, and only here."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from emails import hits, returning, transitions
from emails.insertion import insert
from emails.models import Email, EmailEvent, EventType, Recipient, Status
from emails.returning import Return, Verdict
from emails.transitions import Settlement

logger = logging.getLogger(__name__)


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
    insert([acceptance(row) for row in recipients])


def acceptance(row: Recipient) -> EmailEvent:
    """Return the event, not saved yet, that a recipient was accepted."""
    return EmailEvent(
        type=EventType.SCHEDULE if row.status == Status.SCHEDULED else EventType.QUEUE,
        email_id=row.email_id,
        recipient_id=row.pk,
    )


def settle(settlements: Iterable[Settlement]) -> set[int]:
    """Record what attempts came to; see `transitions.settle`. Suppresses what is to be."""
    rows = list(settlements)
    if not any(row.suppress for row in rows):
        return transitions.settle(rows)
    with transaction.atomic():
        settled = transitions.settle(rows)
        returning.suppress_refused(rows, settled)
    return settled


def take_back(returned: Return) -> Verdict:
    """Record what a mail that came back says; see `returning.take_back`."""
    return returning.take_back(returned)


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


def record(recorded: list[Hit]) -> None:
    """Store what readers did, all of it or, raising django.db.Error, nothing; see `hits.store`."""
    hits.store(recorded)
