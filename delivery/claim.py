"""Claims due recipients and loads what their delivery needs, in few queries for many."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from emails import transitions
from emails.models import Email, Recipient


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

    recipient: Recipient
    lease: Lease = field(compare=False)

    @property
    def email(self) -> Email:
        """The submission that the recipient belongs to."""
        return self.recipient.email

    @property
    def log(self) -> dict[str, object]:
        """What every log line about this attempt carries."""
        return {
            "message_id": self.email.public_id,
            "recipient": self.recipient.address,
            "attempt": self.recipient.attempts,
        }


def claim(limit: int, lease_seconds: float) -> list[Delivery]:
    """Take up to `limit` due recipients, the longest due first within their priority."""
    begins = time.monotonic()
    token, ids = transitions.claim(limit, lease_seconds)
    ends = begins + lease_seconds
    return [Delivery(row, Lease(token, ends)) for row in _load(ids)]


def _load(ids: list[int]) -> Iterable[Recipient]:
    if not ids:
        return []
    found = Recipient.objects.select_related("email__template_version").prefetch_related(
        "email__attachments__upload"
    )
    return found.filter(pk__in=ids).order_by("priority", "pk")


def renew(deliveries: Iterable[Delivery], lease_seconds: float) -> None:
    """Hold these longer; marks the leases that somebody else has taken meanwhile as lost."""
    by_token: dict[uuid.UUID, list[Delivery]] = {}
    for delivery in deliveries:
        by_token.setdefault(delivery.lease.token, []).append(delivery)
    for token, group in by_token.items():
        begins = time.monotonic()
        ours = transitions.renew(token, [row.recipient.pk for row in group], lease_seconds)
        for delivery in group:
            delivery.lease.lost = delivery.recipient.pk not in ours
            delivery.lease.ends = begins + lease_seconds
