"""What came back about a recipient: status, event and suppression, in one commit."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from django.db import transaction

from emails import transitions
from emails.models import EmailEvent, EventType, Recipient, Status, Suppression
from emails.suppressing import suppress
from emails.transitions import Settlement

logger = logging.getLogger(__name__)

BOUNCE = Suppression.Reason.BOUNCE
UNTOUCHED = (
    *(Status.SCHEDULED, Status.QUEUED),  # never sent: nothing can have come back
    *(Status.CANCELLED, Status.SUPPRESSED, Status.FAILED),
)


MOST_NOTED = 20  # events of one recipient: whoever has its return path may send any number


@dataclass(frozen=True, slots=True)
class Return:
    """What a mail that came back says of a recipient.

    `type` is BOUNCE (given up for good), DEFER (noted, the status stays) or COMPLAIN. `key` is the
    same whenever the same mail comes again.
    """

    recipient_id: int
    type: EventType
    key: str
    data: dict[str, Any] = field(default_factory=dict)
    suppress: bool = False


class Verdict(Enum):
    """What became of a return."""

    RECORDED = auto()
    KNOWN = auto()  # recorded before, or nothing new after what was
    NOT_SENT = auto()  # the recipient is gone, or was never written to
    IN_FLIGHT = auto()  # an attempt runs whose outcome comes first: ask again


def take_back(returned: Return) -> Verdict:
    """Record a return, once."""
    with transaction.atomic():
        locked = Recipient.objects.select_for_update().filter(pk=returned.recipient_id)
        row = locked.first()
        if row is None or row.status in UNTOUCHED:
            return Verdict.NOT_SENT
        if row.status == Status.SENDING:
            return Verdict.IN_FLIGHT
        if _is_known(row, returned) or not _is_news(row, returned):
            return Verdict.KNOWN
        _record(row, returned)
    return Verdict.RECORDED


def _is_known(row: Recipient, returned: Return) -> bool:
    """Tell whether it came before, or is one more of many; a bounce ends it all the same."""
    events = EmailEvent.objects.filter(email_id=row.email_id, recipient_id=row.pk)
    before = events.filter(data__has_key="returned").values_list("data__returned", flat=True)
    if returned.key in before:
        return True
    return returned.type != EventType.BOUNCE and len(before) >= MOST_NOTED


def _is_news(row: Recipient, returned: Return) -> bool:
    """Tell whether it says more than is known; moves the status where it is about that."""
    if returned.type == EventType.BOUNCE:
        return transitions.bounce_later(row.pk)
    return returned.type != EventType.DEFER or row.status != Status.BOUNCED


def _record(row: Recipient, returned: Return) -> None:
    event = EmailEvent.objects.create(
        type=returned.type,
        email_id=row.email_id,
        recipient_id=row.pk,
        data=returned.data | {"returned": returned.key},
    )
    if returned.suppress:
        complained = returned.type == EventType.COMPLAIN
        _suppress(row, Suppression.Reason.COMPLAINT if complained else BOUNCE, event)


def suppress_refused(settlements: Iterable[Settlement], settled: set[int]) -> None:
    """Suppress the addresses that were refused for good, once that is recorded; in its commit."""
    ids = [row.recipient_id for row in settlements if row.suppress and row.recipient_id in settled]
    rows = Recipient.objects.filter(pk__in=ids).order_by("project_id", "address")  # no deadlock
    for row in rows:
        events = EmailEvent.objects.filter(email_id=row.email_id, recipient_id=row.pk)
        _suppress(row, BOUNCE, events.filter(type=EventType.BOUNCE).last())


def _suppress(row: Recipient, reason: str, event: EmailEvent | None) -> None:
    """What is no address can't be on the list, nor be accepted again: the rest is recorded."""
    try:
        suppress(row.project_id, row.address, reason, event)
    except ValueError as error:
        logger.warning("not suppressed: %s", error, extra={"recipient": row.address})
