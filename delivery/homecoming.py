"""What a mail from outside means for our rows, all of it in one commit.

Hard bounces and complaints change them, by `emails/events.py`; what is noted only, is noted; what
nobody but people can understand is kept for them.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Count, Sum
from django.db.models.functions import Length

from delivery.inbound_addresses import Destination, Purpose
from delivery.metrics import RETURNED
from delivery.models import InboundMessage
from delivery.original import recipient_of_original
from delivery.smtp.reports import Kind, Report, read_complaint, read_report
from delivery.smtp.reports.fields import subject_of
from emails import events
from emails.models import EventType, Recipient
from emails.returning import Return, Verdict

logger = logging.getLogger(__name__)

# What nobody has handled yet: strangers must not fill the disk.
MOST_KEPT = 5000
MOST_KEPT_BYTES = 512 * 1024 * 1024

EVENTS = {
    Kind.BOUNCE: EventType.BOUNCE,
    Kind.SOFT_BOUNCE: EventType.DEFER,
    Kind.DELAY: EventType.DEFER,
    Kind.COMPLAINT: EventType.COMPLAIN,
}
SAID = {
    Kind.BOUNCE: "it came back: a server gave it up later",
    Kind.SOFT_BOUNCE: "it came back: a server gave it up, for what may pass",
    Kind.DELAY: "it waits at another server, which goes on trying",
    Kind.COMPLAINT: "the reader called it spam, or wants no more",
}
REASONS = {Purpose.ROLE: "written to us", Purpose.FEEDBACK: "a report that can't be assigned"}


class InFlight(Exception):
    """An attempt at the recipient runs, and its outcome must be recorded first."""


class Full(Exception):
    """So much waits for staff that no more is kept."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as it came in."""

    peer: str
    mail_from: str
    destinations: Sequence[Destination]
    content: bytes


@dataclass(frozen=True, slots=True)
class Reading:
    """What a mail says to one destination, and of whom, where that is known."""

    destination: Destination
    report: Report
    recipient: Recipient | None


def read(mail: Mail) -> list[Reading]:
    """Return what a mail says to each destination; outside of transactions, for it takes time.

    They come in the order in which rows are locked: the sender's order may be that of a deadlock.
    """
    readings = [_read(mail, destination) for destination in mail.destinations]
    return sorted(readings, key=lambda reading: reading.recipient.pk if reading.recipient else 0)


def take_in(mail: Mail, readings: Sequence[Reading]) -> None:
    """Do what a mail means; once this returns, it is committed. It may be done twice.

    Raises InFlight and Full, for which it may come again later, and django.db.Error.
    """
    with transaction.atomic():
        kinds = [_take_in(mail, reading) for reading in readings]
    for kind in kinds:
        RETURNED.labels(kind).inc()


def _read(mail: Mail, destination: Destination) -> Reading:
    if destination.purpose is Purpose.RETURN:
        recipient = Recipient.objects.filter(pk=destination.recipient_id or 0).first()
        report = read_report(mail.content, recipient.address if recipient else "")
        return Reading(destination, report, recipient)
    report = read_complaint(mail.content, feedback=destination.purpose is Purpose.FEEDBACK)
    is_complaint = report.kind is Kind.COMPLAINT
    of = recipient_of_original(report, mail.content) if is_complaint else None
    return Reading(destination, report, of)


def _take_in(mail: Mail, reading: Reading) -> str:
    """Return what it was, to be counted."""
    destination, report = reading.destination, reading.report
    if destination.purpose is Purpose.RETURN or reading.recipient:
        return _come_back(mail, reading)
    return _keep(mail, destination, report.why or REASONS[destination.purpose])


def _come_back(mail: Mail, reading: Reading) -> str:
    destination, report, recipient = reading.destination, reading.report, reading.recipient
    if report.kind is Kind.UNKNOWN:
        return _keep(mail, destination, report.why)
    if report.kind not in EVENTS or recipient is None:
        return report.kind.value
    verdict = events.take_back(
        Return(
            recipient_id=recipient.pk,
            type=EVENTS[report.kind],
            key=report.key,
            data=_data(report),
            suppress=_is_dead(report),
        )
    )
    if verdict is Verdict.IN_FLIGHT:
        raise InFlight
    _log(report, recipient, verdict)
    return report.kind.value if verdict is Verdict.RECORDED else verdict.name.lower()


def _is_dead(report: Report) -> bool:
    """Tell whether the address is not to be written to any more."""
    hard = report.kind is Kind.BOUNCE and report.reason.is_of_address
    return hard or report.kind is Kind.COMPLAINT


def _data(report: Report) -> dict[str, Any]:
    """Return the event's data: what was reported, and by whom."""
    told: dict[str, Any] = {"reason": SAID[report.kind]}
    if report.kind is Kind.COMPLAINT:
        told |= {"feedback": report.feedback, "user_agent": report.reporter}
    else:
        told |= {"class": report.reason.value, "host": report.reporter}
        told["reply"] = {"code": report.code, "enhanced": report.status, "text": report.text}
    return {name: value for name, value in told.items() if value}


def _keep(mail: Mail, destination: Destination, reason: str) -> str:
    """Keep it for staff."""
    if _is_full():
        raise Full
    InboundMessage.objects.create(
        peer=mail.peer,
        mail_from=mail.mail_from,
        rcpt_to=destination.address,
        subject=subject_of(mail.content),
        content=mail.content,
        reason=reason[:200],
    )
    logger.info("kept for staff", extra={"reason": reason, "rcpt_to": destination.address})
    return "kept"


def _is_full() -> bool:
    waiting = InboundMessage.objects.filter(handled_at=None).aggregate(
        count=Count("pk"), size=Sum(Length("content"), default=0)
    )
    return bool(waiting["count"] >= MOST_KEPT or waiting["size"] >= MOST_KEPT_BYTES)


def _log(report: Report, recipient: Recipient, verdict: Verdict) -> None:
    logger.info(
        "a mail came back",
        extra={
            "kind": report.kind.value,
            "class": report.reason.value,
            "message_id": recipient.email.public_id,
            "recipient": recipient.address,
            "verdict": verdict.name.lower(),
        },
    )
