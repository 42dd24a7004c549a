"""Sending domains as the API shows them; nothing of a private key is among it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accounts.models import SendingDomain
from delivery.domains.checking import findings_of, records_of
from delivery.domains.checks import Finding, State
from delivery.domains.records import Need, Record

NOT_LOOKED = "It was not looked at yet."


@dataclass(frozen=True, slots=True)
class Standing:
    """A record, and how it stands; `publish` is the value to put into DNS."""

    record: Record
    publish: str
    state: State
    found: str
    advice: str
    since: str

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing left to do about it."""
        left_out = self.record.need is Need.OPTIONAL and self.state is State.MISSING
        return left_out or self.state is State.RIGHT

    def public(self) -> dict[str, str | None]:
        """Return what the API answers."""
        record = self.record
        return {
            "purpose": str(record.purpose),
            "name": record.name,
            "type": record.type,
            "value": self.publish,
            "need": str(record.need),
            "why": record.why,
            "state": str(self.state),
            "found": self.found,
            "advice": self.advice,
            "since": self.since or None,
        }


def standings(domain: SendingDomain) -> list[Standing]:
    """Return every record of a domain with what the last look found."""
    found = {_key(finding): finding for finding in findings_of(domain)}
    return [_standing(record, found) for record in records_of(domain)]


def summary(domain: SendingDomain) -> dict[str, Any]:
    """Return a domain without its records."""
    return {
        "name": domain.name,
        "verified": domain.verified_at is not None,
        "verified_at": domain.verified_at,
        "checked_at": domain.checked_at,
        "created_at": domain.created_at,
    }


def detail(domain: SendingDomain) -> dict[str, Any]:
    """Return all that is known of a domain."""
    keys = domain.dkim_keys.to_publish()
    return summary(domain) | {
        "keys": [
            {"selector": key.selector, "algorithm": key.algorithm, "state": str(key.state)}
            for key in keys
        ],
        "records": [standing.public() for standing in standings(domain)],
    }


def _standing(record: Record, found: Mapping[tuple[str, str, str], Finding]) -> Standing:
    finding = found.get((str(record.purpose), record.name, record.value))
    if finding is None:
        return Standing(record, record.value, State.UNKNOWN, "", NOT_LOOKED, "")
    return Standing(
        record, finding.publish, finding.state, finding.found, finding.advice, finding.since
    )


def _key(finding: Finding) -> tuple[str, str, str]:
    return finding.purpose, finding.name, finding.expected
