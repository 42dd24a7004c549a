"""The door out: what became of a mail comes back to its row through here, and only here."""

from __future__ import annotations

import logging
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from emails import hits, returning, transitions
from emails.expiry import with_history
from emails.insertion import insert, new_row
from emails.models import Email, EmailEvent, EventType, Recipient, Status, Suppression
from emails.returning import Return, Verdict
from emails.suppressing import found_among
from emails.transitions import Settlement

logger = logging.getLogger(__name__)

_FIRST: dict[str, EventType] = {
    Status.SCHEDULED: EventType.SCHEDULE,
    Status.QUEUED: EventType.QUEUE,
    Status.SUPPRESSED: EventType.SUPPRESS,
}


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


def suppress(recipients: Sequence[Recipient]) -> dict[tuple[int, str], Suppression]:
    """Mark rows, not saved yet, whose addresses their project does not write to.

    Returns the entries of these addresses, by project and address. One query for each project.
    """
    addresses: dict[int, list[str]] = defaultdict(list)
    for row in recipients:
        addresses[row.project_id].append(row.address)
    found = {
        (project_id, address): entry
        for project_id, group in addresses.items()
        for address, entry in found_among(project_id, group).items()
    }
    for row in recipients:
        if (row.project_id, row.address) in found:
            row.status = Status.SUPPRESSED
    return found


def accepted(
    recipients: Iterable[Recipient], suppressed: Mapping[tuple[int, str], Suppression]
) -> None:
    """Record that recipients were accepted; within the transaction that made their rows."""
    entry_of, now = suppressed.get, timezone.now()
    rows = [acceptance(row, now, entry_of((row.project_id, row.address))) for row in recipients]
    insert(rows, sets_ids=False)


def acceptance(row: Recipient, now: datetime, suppression: Suppression | None = None) -> EmailEvent:
    """Return the event, not saved yet, that a recipient was accepted."""
    values = {
        "type": _FIRST[row.status],
        "timestamp": now,
        "email_id": row.email_id,
        "recipient_id": row.pk,
        "data": suppression.facts() if suppression else {},
    }
    return new_row(EmailEvent, values)


def settle(settlements: Iterable[Settlement]) -> set[tuple[int, uuid.UUID]]:
    """Record what attempts came to; see `transitions.settle`. Suppresses what is to be."""
    rows = with_history(list(settlements))
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
