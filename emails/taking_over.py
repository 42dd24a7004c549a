"""Takes recipients over whose worker died or hangs: its lease ended without an outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from emails.dialect import among, in_seconds, now, run, skip_locked, true
from emails.models import EmailEvent, EventType

LEASE_LOST = "lease lost"  # the reason in an event
FREE_LOSSES = 4  # in a row, after each of which a mail goes again at once
HELD_BACK_SECONDS, HELD_BACK_MOST = 60, 4200  # after the next one, doubling


@dataclass(frozen=True, slots=True)
class Abandoned:
    """A recipient whose worker's lease ran out before an outcome was recorded."""

    recipient_id: int
    email_id: int
    message_id: str
    attempts: int


def take_over(limit: int = 1000) -> list[Abandoned]:
    """Put recipients whose lease ran out back in the queue, due at once but for `_hold_back`.

    Their first attempt may have gone out: each is marked ambiguous, and its event says so.
    """
    with transaction.atomic():
        rows = run(
            f"""
            WITH lost AS MATERIALIZED (
                SELECT id FROM recipients
                WHERE status = 'sending' AND next_attempt_at <= {now()}
                ORDER BY next_attempt_at LIMIT %s {skip_locked()}
            )
            UPDATE recipients SET status = 'deferred', lease_token = NULL, ambiguous = {true()}
            WHERE id {among("lost")} RETURNING id, email_id,
                (SELECT public_id FROM emails WHERE emails.id = email_id), attempts
            """,
            [limit],
        )
        abandoned = [Abandoned(*row) for row in rows]
        _hold_back(abandoned)
        EmailEvent.objects.bulk_create(map(_lease_lost, abandoned))
    return abandoned


def _hold_back(abandoned: Sequence[Abandoned]) -> None:
    """Put off what has cost several workers in a row their lives: it may be the mail that does.

    Where workers die of something else, an attempt in between comes to an outcome.
    """
    for recipient_id, count in _losses_in_a_row(abandoned).items():
        if count >= FREE_LOSSES:
            wait = min(HELD_BACK_SECONDS * 2 ** (count - FREE_LOSSES), HELD_BACK_MOST)
            moved = f"UPDATE recipients SET next_attempt_at = {in_seconds()} WHERE id = %s"
            run(f"{moved} RETURNING id", [wait, recipient_id])


def _losses_in_a_row(abandoned: Sequence[Abandoned]) -> Counter[int]:
    """Count those before this one; the index of events is by email."""
    deferrals = EmailEvent.objects.filter(
        type=EventType.DEFER,
        email__in={row.email_id for row in abandoned},
        recipient__in=[row.recipient_id for row in abandoned],
    )
    losses: Counter[int] = Counter()
    for recipient_id, reason in deferrals.order_by("id").values_list("recipient", "data__reason"):
        losses[recipient_id] = losses[recipient_id] + 1 if reason == LEASE_LOST else 0
    return losses


def _lease_lost(row: Abandoned) -> EmailEvent:
    return EmailEvent(
        type=EventType.DEFER,
        email_id=row.email_id,
        recipient_id=row.recipient_id,
        data={"ambiguous": True, "reason": LEASE_LOST, "attempt": row.attempts},
    )
