"""What the page of a sending domain shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.models import DkimKey, SendingDomain
from delivery.domains.answers import NOT_LOOKED, Standing, standings
from delivery.domains.checking import broken_signatures
from delivery.domains.checks import Finding, State
from delivery.domains.records import OPTIONAL, Purpose, Record

LONGEST_STRING = 255  # of one string of a TXT record (RFC 1035 §3.3)

TITLES = {
    Purpose.RETURN_PATH: "Where bounces go (MX)",
    Purpose.RETURN_PATH_SPF: "Permission to send, of the return path (SPF)",
    Purpose.SPF: "Permission to send, of the domain (SPF)",
    Purpose.DMARC: "What to do with forgeries (DMARC)",
    Purpose.TRACKING: "Links in your own name",
    Purpose.STS_HOST: "Encrypted bounces: where the policy is (MTA-STS)",
    Purpose.STS: "Encrypted bounces: that there is a policy (MTA-STS)",
}
WORDS = {
    State.RIGHT: ("Right", "success"),
    State.WRONG: ("Wrong", "danger"),
    State.MISSING: ("Missing", "warning"),
    State.UNKNOWN: ("Not known", "info"),
}
UNSEEN = ("Not looked at yet", "")
LEFT_OUT = ("Not used", "")
KEY_BADGES = {
    DkimKey.State.PENDING: "warning",
    DkimKey.State.SIGNING: "success",
    DkimKey.State.RETIRED: "",
}


@dataclass(frozen=True, slots=True)
class Copied:
    """A line that staff copy into a form of their DNS provider."""

    label: str
    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class RecordCard:
    """One record: what to enter, and how it stands."""

    title: str
    need: str
    why: str
    lines: tuple[Copied, ...]
    word: str
    badge: str
    found: str
    advice: str
    since: datetime | None
    type: str


@dataclass(frozen=True, slots=True)
class KeyLine:
    """One key, without anything secret."""

    row: DkimKey
    state: str
    badge: str


def page_of(domain: SendingDomain) -> dict[str, Any]:
    """Return the context of the page."""
    shown = standings(domain)
    return {
        "domain": domain,
        "records": [_card(domain, standing) for standing in shown],
        "all_right": all(standing.is_settled for standing in shown),
        "broken": [_broken(finding) for finding in broken_signatures(domain)],
        "keys": [_key(key) for key in domain.dkim_keys.to_publish()],
    }


def summary_of(findings: Sequence[Finding]) -> str:
    """Return how many records are in which state."""
    if not findings:
        return "not looked at yet"
    counted = Counter(finding.state for finding in findings if not _is_left_out(finding))
    return ", ".join(
        f"{counted[state]} {WORDS[state][0].lower()}" for state in State if counted[state]
    )


def _is_left_out(finding: Finding) -> bool:
    return finding.state is State.MISSING and finding.purpose in OPTIONAL


def _card(domain: SendingDomain, standing: Standing) -> RecordCard:
    record = standing.record
    word, badge = _state(standing)
    return RecordCard(
        title=_title(record),
        need=str(record.need),
        why=record.why,
        lines=(_name(domain, record.name), *_value(standing)),
        word=word,
        badge=badge,
        found=standing.found,
        advice=standing.advice if standing.advice != NOT_LOOKED else "",
        since=_moment(standing.since) if domain.verified_at and not standing.is_settled else None,
        type=record.type,
    )


def _broken(finding: Finding) -> dict[str, Any]:
    return {"name": finding.name, "word": finding.state.value, "since": _moment(finding.since)}


def _moment(since: str) -> datetime | None:
    return datetime.fromisoformat(since) if since else None


def _state(standing: Standing) -> tuple[str, str]:
    if standing.advice == NOT_LOOKED:
        return UNSEEN
    left_out = standing.is_settled and standing.state is State.MISSING
    return LEFT_OUT if left_out else WORDS[standing.state]


def _title(record: Record) -> str:
    if record.purpose is Purpose.DKIM:
        return (
            "Second signature (DKIM, Ed25519)"
            if "k=ed25519" in record.value
            else "Signature (DKIM)"
        )
    return TITLES[record.purpose]


def _name(domain: SendingDomain, name: str) -> Copied:
    short = name.removesuffix(f".{domain.name}") if name != domain.name else "@"
    return Copied("Name", name, f"where your provider adds {domain.name} by itself: {short}")


def _value(standing: Standing) -> tuple[Copied, ...]:
    record, value = standing.record, standing.publish
    if record.type == "MX":
        preference, host = value.split(" ")
        return Copied("Priority", preference), Copied("Mail server", host.rstrip("."))
    if record.type == "CNAME":
        return (Copied("Target", value.rstrip(".")),)
    label = "Change it to" if value != record.value else "Value"
    if len(value) > LONGEST_STRING:
        hint = "in one piece; most providers split it by themselves into strings of 255 characters"
        return (Copied(label, value, hint),)
    return (Copied(label, value),)


def _key(key: DkimKey) -> KeyLine:
    return KeyLine(key, str(key.state.label), KEY_BADGES[key.state])
