"""An email's events as staff read them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from emails.models import Email, EmailEvent, EventType, Suppression

MOST_EVENTS = 500  # a popular newsletter's opens would fill the page

# A symbol of Google's Material Symbols, and a colour of staff.css
LOOKS: dict[str, tuple[str, str]] = {
    EventType.QUEUE: ("inbox", "grey"),
    EventType.SCHEDULE: ("schedule", "blue"),
    EventType.DELIVER: ("check_circle", "green"),
    EventType.DEFER: ("update", "orange"),
    EventType.BOUNCE: ("error", "red"),
    EventType.EXPIRE: ("hourglass_disabled", "red"),
    EventType.FAIL: ("dangerous", "red"),
    EventType.CANCEL: ("cancel", "grey"),
    EventType.SUPPRESS: ("block", "grey"),
    EventType.OPEN: ("visibility", "purple"),
    EventType.CLICK: ("ads_click", "purple"),
    EventType.COMPLAIN: ("report", "red"),
    EventType.UNSUBSCRIBE: ("unsubscribe", "orange"),
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that an event tells; `kind` is how it is set."""

    name: str
    value: str
    kind: str = "text"  # text, code, warning


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of the timeline."""

    title: str
    icon: str
    colour: str
    timestamp: datetime
    recipient: str
    facts: tuple[Fact, ...]


def timeline(email: Email) -> tuple[list[Entry], bool]:
    """Return the first events in order, and whether there are more than are shown."""
    address_of = {recipient.pk: recipient.address for recipient in email.recipients.all()}
    events = list(email.events.all()[: MOST_EVENTS + 1])
    entries = [_entry(event, address_of) for event in events[:MOST_EVENTS]]
    return entries, len(events) > MOST_EVENTS


def _entry(event: EmailEvent, address_of: dict[int, str]) -> Entry:
    icon, colour = LOOKS[event.type]
    suppressed = event.type == EventType.SUPPRESS
    return Entry(
        title=event.get_type_display(),
        icon=icon,
        colour=colour,
        timestamp=event.timestamp,
        recipient=address_of.get(event.recipient_id or 0, ""),
        facts=tuple(_suppressed(event.data) if suppressed else _facts(event.data)),
    )


def _suppressed(data: dict[str, Any]) -> Iterator[Fact]:
    """Say why and since when, in the words of the list, and what lets mail go again."""
    reason = str(data.get("reason", ""))
    yield Fact("Why", REASONS.get(reason, reason))
    if since := parse_datetime(str(data.get("since", ""))):
        yield Fact("On the list", f"since {since:%Y-%m-%d %H:%M:%S} UTC")
    yield Fact("To write again", "delete the address under Suppressions, and send anew")


def _facts(data: dict[str, Any]) -> Iterator[Fact]:
    if data.get("ambiguous"):
        yield Fact("Ambiguous", "it may have been delivered: no answer was seen", "warning")
    if reply := data.get("reply"):
        words = (reply.get("code"), reply.get("enhanced"), reply.get("text"))
        yield Fact("Server said", " ".join(str(word) for word in words if word), "code")
    for before in data.get("tried", ()):
        yield Fact("Tried before", f"{before.get('host')}: {before.get('detail')}")
    for key, name in PLAIN.items():
        if value := data.get(key):
            yield Fact(name, WORDS.get(str(value), str(value)) if key in CODED else str(value))
    if tls := data.get("tls"):
        verified = "certificate verified" if tls.get("verified") else "certificate not verified"
        yield Fact("Encryption", f"{tls.get('version')}, {verified}")
    if duration := data.get("duration_ms"):
        yield Fact("Took", f"{duration} ms")
    for key, name in LISTS.items():
        if hosts := data.get(key):
            yield Fact(name, ", ".join(str(host) for host in hosts))
    for key, name in TIMES.items():
        if time := parse_datetime(str(data.get(key, ""))):
            yield Fact(name, f"{time:%Y-%m-%d %H:%M:%S} UTC")
    if url := data.get("url"):
        yield Fact("Link", str(url), "code")


REASONS = dict(Suppression.Reason.choices)
CODED = {"way", "class"}
WORDS = {
    "relay": "relay",
    "mx": "built-in mail server",
    "bad_mailbox": "no such mailbox",
    "bad_domain": "no such domain, or it takes no mail",
    "inactive": "the mailbox is shut",
    "full": "the mailbox or the server is full",
    "policy": "they do not want it",
    "spam": "they take it for spam",
    "auth": "SPF, DKIM, DMARC, reverse DNS or a login",
    "rate": "too much or too fast",
    "too_large": "too large",
    "content": "its content, or how it is written",
    "temporary": "trouble of theirs that passes",
    "unknown": "not known",
}

LISTS = {"route": "Mail exchangers", "hosts": "Hosts asked"}
TIMES = {
    "first_attempt_at": "First attempt",
    "last_attempt_at": "Last attempt",
    "next_attempt_at": "Next attempt",
}

PLAIN = {
    "class": "About",
    "feedback": "Complaint",
    "reason": "Reason",
    "detail": "Detail",
    "attempt": "Attempt",
    "way": "Way",
    "host": "Host",
    "ip": "From address",
    "user_agent": "Program",
}
