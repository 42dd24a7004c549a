"""What was found about one record, as it is kept in `SendingDomain.findings`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from delivery.domains.records import Record

LONGEST_FOUND = 1000  # characters that are kept of what DNS shows
UNKNOWN_ADVICE = "This says nothing about the record. It is looked at again soon."


class State(StrEnum):
    """How a record stands in DNS."""

    RIGHT = "right"
    WRONG = "wrong"  # something is there, but not what should be
    MISSING = "missing"
    UNKNOWN = "unknown"  # DNS gave no answer: nothing is known


@dataclass(frozen=True, slots=True)
class Finding:
    """A record that was looked at: `found` is what DNS shows, `advice` what to do about it.

    `publish` is what to put there: `expected`, or what is there with us added to it. `since` is the
    moment of the look that first found it not right, in ISO 8601; "" where it is right, or unknown.
    """

    purpose: str
    name: str
    type: str
    expected: str
    found: str
    state: State
    advice: str
    publish: str
    since: str = ""

    @property
    def is_amiss(self) -> bool:
        """Whether DNS was seen not to show it."""
        return self.state in (State.WRONG, State.MISSING)

    def dated(self, before: Sequence[Finding], now: datetime) -> Finding:
        """Return it with `since`, which stays for as long as the record is amiss."""
        since = self.known_since(before) or now.isoformat(timespec="seconds")
        return replace(self, since=since if self.is_amiss else "")

    def known_since(self, before: Sequence[Finding]) -> str:
        """Return since when the record is amiss, as far as earlier looks know; else ""."""
        earlier = (finding.since for finding in before if finding.is_about(self))
        return next(earlier, "") if self.is_amiss else ""

    def is_about(self, other: Finding) -> bool:
        """Tell whether both are about the same record."""
        return (self.purpose, self.name, self.expected) == (
            other.purpose,
            other.name,
            other.expected,
        )

    def stored(self) -> dict[str, str]:
        """Return what JSON keeps."""
        return {name: str(value) for name, value in asdict(self).items()}

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Finding:
        """Read what `stored` wrote."""
        values = {field.name: stored[field.name] for field in fields(cls) if field.name in stored}
        return cls(**(values | {"state": State(stored["state"])}))


def right(record: Record, found: str, advice: str = "") -> Finding:
    """The record does what it should."""
    return _finding(record, found, State.RIGHT, advice)


def wrong(record: Record, found: str, advice: str, publish: str = "") -> Finding:
    """Something else is there; `publish` is what to put in its place, if not what is expected."""
    return _finding(record, found, State.WRONG, advice, publish)


def missing(record: Record, advice: str = "") -> Finding:
    """There is none."""
    return _finding(record, "", State.MISSING, advice or "Add this record where your DNS is kept.")


def unknown(record: Record, why: str = "") -> Finding:
    """DNS gave no answer."""
    why = why or f"DNS gave no answer about {record.name}"
    return _finding(record, "", State.UNKNOWN, f"{why}. {UNKNOWN_ADVICE}")


def _finding(record: Record, found: str, state: State, advice: str, publish: str = "") -> Finding:
    return Finding(
        str(record.purpose),
        record.name,
        record.type,
        record.value,
        found[:LONGEST_FOUND],
        state,
        advice,
        publish or record.value,
    )
