"""Adds to the end of a mail whose time is over what a delivery status notification would say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.utils import timezone

from emails.models import EmailEvent, EventType, Recipient
from emails.transitions import Settlement

Attempt = tuple[datetime, dict[str, Any]]  # when it ended, and its event's data


def with_history(rows: Sequence[Settlement]) -> Sequence[Settlement]:
    """Return the settlements; those that expire tell of all attempts.

    `recipient`, `hosts` (all that were asked), `reply` (the last), `first_attempt_at` and
    `last_attempt_at` (ISO 8601), as in RFC 3464 §2.3. Two queries where anything expires.
    """
    expired = [row.recipient_id for row in rows if row.type == EventType.EXPIRE]
    if not expired:
        return rows
    owners = {
        pk: (email_id, address)
        for pk, email_id, address in Recipient.objects.filter(pk__in=expired).values_list(
            "pk", "email_id", "address"
        )
    }
    attempts = _attempts({email_id for email_id, _ in owners.values()}, expired)
    return [
        _told(row, owners[row.recipient_id][1], attempts[row.recipient_id])
        if row.recipient_id in owners and row.type == EventType.EXPIRE
        else row
        for row in rows
    ]


def _attempts(emails: set[int], recipients: Sequence[int]) -> dict[int, list[Attempt]]:
    """The index of events is by email."""
    events = EmailEvent.objects.filter(
        email__in=emails, recipient__in=recipients, type=EventType.DEFER
    )
    found: dict[int, list[Attempt]] = defaultdict(list)
    for recipient_id, timestamp, data in events.values_list("recipient_id", "timestamp", "data"):
        if recipient_id is not None:
            found[recipient_id].append((timestamp, data))
    return found


def _told(row: Settlement, address: str, before: list[Attempt]) -> Settlement:
    tried = "attempt" in row.data  # else it expired before it could be tried once more
    attempts = [*before, (timezone.now(), row.data)] if tried else before
    data = {**row.data, "recipient": address}
    if attempts:
        data["first_attempt_at"] = attempts[0][0].isoformat()
        data["last_attempt_at"] = attempts[-1][0].isoformat()
    hosts = dict.fromkeys(host for _, said in attempts for host in _hosts(said))
    replies = [said["reply"] for _, said in attempts if "reply" in said]
    if hosts:
        data["hosts"] = list(hosts)
    if replies:
        data["reply"] = replies[-1]
    return replace(row, data=data)


def _hosts(data: dict[str, Any]) -> list[str]:
    tried = [failure["host"] for failure in data.get("tried", ())]
    return [*tried, data["host"]] if data.get("host") else tried
