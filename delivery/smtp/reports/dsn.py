"""Delivery status notifications (RFC 3464; RFC 6533 for addresses that are not ASCII)."""

from __future__ import annotations

from collections.abc import Sequence

from delivery.smtp.classification import Reason, classify_refusal

from .fields import (
    Fields,
    groups_of,
    parts_of,
    reply_code_in,
    reply_in,
    status_in,
    text_of,
    typed,
    words_of,
)
from .report import Kind, Original, Report

TYPES = ("message/delivery-status", "message/global-delivery-status")
_ACTIONS = {"delivered": Kind.NOTICE, "relayed": Kind.NOTICE, "expanded": Kind.NOTICE}


def read_dsn(message: Fields, key: str, original: Original, address: str) -> Report | None:
    """Return what a notification says of `address`, None for what is no notification.

    Where it names several recipients and none of them is the address (it was forwarded), the
    gravest holds only if it is the same for all.
    """
    for part in parts_of(message, *TYPES):
        of_message, recipients = _grouped(groups_of(part))
        words = words_of(message) if len(recipients) == 1 else ""
        read = [_of_recipient(group, of_message, key, original, words) for group in recipients]
        known = [report for report in read if report]
        if known:
            return _about(known, address)
    return None


def _grouped(groups: Sequence[Fields]) -> tuple[Fields | None, list[Fields]]:
    """Tell the fields about the message from those about each recipient (RFC 3464 §2.1)."""
    recipients = [group for group in groups if _is_about_recipient(group)]
    others = [group for group in groups if not _is_about_recipient(group)]
    return (others[0] if others else None), recipients


def _is_about_recipient(group: Fields) -> bool:
    return any(name in group for name in ("Final-Recipient", "Original-Recipient", "Action"))


def _about(reports: Sequence[Report], address: str) -> Report:
    for report in reports:
        if report.recipient.lower() == address.lower():
            return report
    order = (Kind.NOTICE, Kind.DELAY, Kind.SOFT_BOUNCE, Kind.BOUNCE)
    return min(reports, key=lambda report: order.index(report.kind))


def _of_recipient(
    group: Fields, of_message: Fields | None, key: str, original: Original, words: str
) -> Report | None:
    status = status_in(str(group.get("Status", "")))
    text = typed_text(text_of(group, "Diagnostic-Code"))
    kind = _kind(text_of(group, "Action").lower(), status, text)
    if kind is None:
        return None
    reply = reply_in(text)
    if status.endswith(".0.0") or not status:
        status = reply.enhanced or status_in(text) or status
    code = reply.code or reply_code_in(text)
    reason = classify_refusal(code, status or None, reply.text or words)
    return Report(
        kind=kind,
        key=key,
        reason=Reason.TEMPORARY if kind is Kind.DELAY and reason is Reason.UNKNOWN else reason,
        status=status,
        code=code,
        text=reply.text,
        recipient=_recipient(group),
        reporter=typed(text_of(of_message, "Reporting-MTA")) if of_message else "",
        original=original,
    )


def typed_text(value: str) -> str:
    """Return a Diagnostic-Code without its type (`smtp; 550 …`)."""
    kind, semicolon, rest = value.partition(";")
    return (
        rest.strip() if semicolon and kind.strip().lower() in ("smtp", "x-unix", "x400") else value
    )


def _recipient(group: Fields) -> str:
    """Return the address that we sent to where it is told, else the one that it ended at."""
    return typed(text_of(group, "Original-Recipient")) or typed(text_of(group, "Final-Recipient"))


def _kind(action: str, status: str, text: str) -> Kind | None:
    """Read Action (RFC 3464 §2.3.3); without one, or with an unknown one, the status code.

    A failure is soft where its status says that it may pass: 4.x.x, as when a queue gave up.
    """
    word = action.partition(" ")[0]
    if word in _ACTIONS:
        return _ACTIONS[word]
    if word == "delayed":
        return Kind.DELAY
    first = (status or status_in(text))[:1]
    if first == "2":
        return Kind.NOTICE
    if first == "4":
        return Kind.SOFT_BOUNCE if word == "failed" else Kind.DELAY
    return Kind.BOUNCE if word == "failed" or first == "5" else None
