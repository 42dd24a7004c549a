"""What was found about one record, as it is kept in `SendingDomain.findings`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
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
    """A record that was looked at: `found` is what DNS shows, `advice` what to do about it."""

    purpose: str
    name: str
    type: str
    expected: str
    found: str
    state: State
    advice: str

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
        values = {field.name: stored[field.name] for field in fields(cls)}
        return cls(**(values | {"state": State(stored["state"])}))


def right(record: Record, found: str, advice: str = "") -> Finding:
    """The record does what it should."""
    return _finding(record, found, State.RIGHT, advice)


def wrong(record: Record, found: str, advice: str) -> Finding:
    """Something else is there."""
    return _finding(record, found, State.WRONG, advice)


def missing(record: Record, advice: str = "") -> Finding:
    """There is none."""
    return _finding(record, "", State.MISSING, advice or "Add this record where your DNS is kept.")


def unknown(record: Record, why: object) -> Finding:
    """DNS gave no answer."""
    return _finding(record, "", State.UNKNOWN, f"{why}. {UNKNOWN_ADVICE}")


def _finding(record: Record, found: str, state: State, advice: str) -> Finding:
    return Finding(
        str(record.purpose),
        record.name,
        record.type,
        record.value,
        found[:LONGEST_FOUND],
        state,
        advice,
    )
