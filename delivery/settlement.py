"""What an outcome means for the recipient: its new status, its event, and when to try again."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from django.utils import timezone

from delivery.claim import Delivery
from delivery.retry import RetryPolicy
from delivery.smtp import Outcome, OutcomeKind, Phase
from delivery.smtp.classification import Reason, classify_refusal
from emails.models import EventType, Status
from emails.transitions import Settlement

FINAL = {
    OutcomeKind.DELIVERED: (Status.DELIVERED, EventType.DELIVER),
    OutcomeKind.BOUNCED: (Status.BOUNCED, EventType.BOUNCE),
}


def settlement(delivery: Delivery, outcome: Outcome, policy: RetryPolicy) -> Settlement:
    """Return what to record of an attempt that came to `outcome`."""
    data, reason = _data(delivery, outcome), reason_of(outcome)
    if reason:
        data["class"] = reason.value
    if outcome.kind in FINAL:
        status, event = FINAL[outcome.kind]
        return _settle(delivery, status, event, data, suppress=_is_dead(outcome, reason))
    return _postpone(delivery, data, policy, outcome.ambiguous)


def postponed(
    delivery: Delivery, reason: str, policy: RetryPolicy, ambiguous: bool = False
) -> Settlement:
    """Return the deferral for trouble of our own; `ambiguous` where the mail may have left."""
    data: dict[str, Any] = {
        "attempt": delivery.recipient.attempts,
        "reason": _storable(reason),
    }
    if ambiguous:
        data["ambiguous"] = True
    return _postpone(delivery, data, policy, ambiguous)


def expired(delivery: Delivery) -> Settlement:
    """Return the end of a recipient whose time was over before it could be tried."""
    data = {"reason": "its time was over", "expired_at": delivery.email.expires_at.isoformat()}
    return _settle(delivery, Status.EXPIRED, EventType.EXPIRE, data)


def failed(delivery: Delivery, reason: str) -> Settlement:
    """Return the end of a recipient whose mail can't be made."""
    return _settle(delivery, Status.FAILED, EventType.FAIL, {"reason": _storable(reason)})


def _postpone(
    delivery: Delivery, data: dict[str, Any], policy: RetryPolicy, ambiguous: bool = False
) -> Settlement:
    wait = policy.wait_after(delivery.recipient.attempts)
    if time.monotonic() + wait >= delivery.expires:
        data["reason"] = "its time would be over before the next attempt"
        return _settle(delivery, Status.EXPIRED, EventType.EXPIRE, data, ambiguous=ambiguous)
    data["next_attempt_at"] = (timezone.now() + timedelta(seconds=wait)).isoformat()
    return _settle(delivery, Status.DEFERRED, EventType.DEFER, data, wait=wait, ambiguous=ambiguous)


def _settle(
    delivery: Delivery,
    status: Status,
    event: EventType,
    data: dict[str, Any],
    **rest: Any,
) -> Settlement:
    token = delivery.lease.token
    return Settlement(delivery.recipient.recipient_id, token, status, event, data, **rest)


def reason_of(outcome: Outcome) -> Reason | None:
    """Return why it was refused; None where it was not, or where nobody said anything."""
    if outcome.kind is OutcomeKind.DELIVERED or not (outcome.reply or outcome.status):
        return None
    reply = outcome.reply
    if reply is None:
        return classify_refusal(None, outcome.status, outcome.detail)
    return classify_refusal(reply.code, reply.enhanced or outcome.status, reply.text)


def _is_dead(outcome: Outcome, reason: Reason | None) -> bool:
    """Tell whether the address is not to be tried again: what MAIL is told is about the sender."""
    bounced = outcome.kind is OutcomeKind.BOUNCED and outcome.phase is not Phase.MAIL
    return bounced and reason is not None and reason.is_of_address


def _data(delivery: Delivery, outcome: Outcome) -> dict[str, Any]:
    """Return the event's data: what the other side said, where, how, and after how long."""
    data: dict[str, Any] = {
        "attempt": delivery.recipient.attempts,
        "host": outcome.host,
        "phase": outcome.phase,
        "duration_ms": round(outcome.duration * 1000),
    }
    if outcome.way:
        data["way"] = outcome.way
    if outcome.reply:
        data["reply"] = {
            "code": outcome.reply.code,
            "enhanced": outcome.reply.enhanced,
            "text": _storable(outcome.reply.text),
        }
    if outcome.tls:
        tls = outcome.tls
        data["tls"] = {"version": tls.version, "cipher": tls.cipher, "verified": tls.verified}
    if outcome.detail:
        data["detail"] = _storable(outcome.detail)
    if outcome.ambiguous:
        data["ambiguous"] = True
    if outcome.tried:
        data["tried"] = [_trouble(before) for before in outcome.tried]
    if outcome.route:
        data["route"] = list(outcome.route)
    return data


def _trouble(outcome: Outcome) -> dict[str, str]:
    """Say which host would not talk, and why."""
    way = {"way": outcome.way} if outcome.way else {}
    detail = _storable(outcome.detail)
    return {"host": outcome.host, "phase": outcome.phase, "detail": detail, **way}


def _storable(text: str) -> str:
    """A server's words may hold what PostgreSQL can't: NUL, and halves of surrogate pairs."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
