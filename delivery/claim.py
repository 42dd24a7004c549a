"""Claims due recipients and loads what their delivery needs, in few queries for many."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from django.db import transaction

from delivery import identity
from delivery.identity import Identity, Sender
from delivery.metrics import LEASES_LOST
from emails import outgoing, taking_over, transitions
from emails.outgoing import Outgoing
from emails.transitions import Claimed

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Lease:
    """The time for which a recipient is ours, by this machine's steady clock.

    It begins before the claim was sent to the database, so it never ends later than there.
    """

    token: uuid.UUID
    ends: float  # time.monotonic()
    lost: bool = False

    def held(self) -> bool:
        """Tell whether nobody else can have taken the recipient yet."""
        return not self.lost and time.monotonic() < self.ends


@dataclass(frozen=True, slots=True)
class Delivery:
    """One claimed recipient with its email: the work of one attempt."""

    recipient: Claimed
    email: Outgoing
    lease: Lease = field(compare=False)
    identity: Identity
    expires: float  # time.monotonic(): a wrong date of this machine must not end mail untried
    size: int  # about how many bytes its message has, encoded

    @property
    def log(self) -> dict[str, object]:
        """What every log line about this attempt carries."""
        return {
            "message_id": self.email.public_id,
            "recipient": self.recipient.address,
            "attempt": self.recipient.attempts,
        }


Identities = Callable[[Set[Sender]], Mapping[Sender, Identity]]
"""Finds as whom senders send."""


def claim(
    limit: int, lease_seconds: float, identities: Identities = identity.load
) -> list[Delivery]:
    """Take up to `limit` due recipients, the longest due first within their priority."""
    begins = time.monotonic()
    with transaction.atomic():  # what can't be loaded is not claimed
        token, taken = transitions.claim(limit, lease_seconds)
        loaded = _loaded(taken, identities) if taken else ()
    ends, now = begins + lease_seconds, time.monotonic()
    return [
        Delivery(row, email, Lease(token, ends), sends_as, now + email.seconds_left, email.size)
        for row, email, sends_as in loaded
    ]


def _loaded(
    taken: Sequence[Claimed], identities: Identities
) -> list[tuple[Claimed, Outgoing, Identity]]:
    """Bring the emails along. What was deleted since the claim is left out."""
    emails = outgoing.load({row.email_id for row in taken})
    senders = {email.pk: Sender.of(email) for email in emails.values()}
    known = identities({*senders.values()})
    return [
        (row, emails[row.email_id], known[senders[row.email_id]])
        for row in taken
        if row.email_id in emails
    ]


def take_over() -> None:
    """Have mail go again whose worker died or hangs: its lease ended without an outcome."""
    for lost in taking_over.take_over():
        LEASES_LOST.inc()
        logger.warning(
            "a lease ended without an outcome; the mail goes again",
            extra={
                "message_id": lost.message_id,
                "recipient_id": lost.recipient_id,
                "attempt": lost.attempts,
            },
        )


def renew(deliveries: Iterable[Delivery], lease_seconds: float) -> None:
    """Hold these longer; marks the leases that somebody else has taken meanwhile as lost."""
    by_token: dict[uuid.UUID, list[Delivery]] = {}
    for delivery in deliveries:
        by_token.setdefault(delivery.lease.token, []).append(delivery)
    for token, group in by_token.items():
        begins = time.monotonic()
        held = [row.recipient.recipient_id for row in group]
        ours = transitions.renew(token, held, lease_seconds)
        for delivery in group:
            delivery.lease.lost = delivery.recipient.recipient_id not in ours
            delivery.lease.ends = begins + lease_seconds
