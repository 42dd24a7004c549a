"""The closed ledger as a table for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.chaos.ledger import FINAL, Ledger

SHOWN = 5  # findings of a check; the JSON file has all


@dataclass(frozen=True, slots=True)
class Run:
    """What a run was, and what it came to. Times in seconds."""

    database: str
    seed: int
    seconds: float
    settled_after: float  # from when everything was well again
    deeds: dict[str, int]
    answers: dict[str, int]
    sink: dict[str, int]
    repeatable: int
    ledger: Ledger


def as_json(run: Run) -> str:
    """Return everything that was counted and found."""
    ledger = run.ledger
    content: dict[str, Any] = {
        name: getattr(run, name) for name in Run.__slots__ if name != "ledger"
    }
    content |= {
        "accepted": ledger.accepted,
        "statuses": ledger.statuses,
        "repeated": ledger.repeated,
        "found": ledger.found,
        "balanced": ledger.balanced,
    }
    return json.dumps(content, indent=2)


def as_table(run: Run) -> str:
    """Return the lines that a person reads."""
    return "\n".join(_lines(run))


def _lines(run: Run) -> Iterator[str]:
    ledger = run.ledger
    yield f"chaos on {run.database}, seed {run.seed}, {run.seconds:.0f} s"
    yield from _section("done to the platform", run.deeds)
    yield from _section("done to its mail by the sink", run.sink)
    yield from _section("answers to clients", run.answers)
    yield from _section("repeated", ledger.repeated)
    yield _line(f"at most, by {sum(run.deeds.values())} deeds", run.repeatable)
    yield from _section("accepted", {"emails": ledger.accepted})
    yield from _section("= ended as", {name: ledger.statuses.get(name, 0) for name in FINAL})
    yield from _section("found", {name: len(what) for name, what in ledger.found.items()})
    for name, what in ledger.found.items():
        yield from (f"  {name}: {one}" for one in what[:SHOWN])
    yield f"settled {run.settled_after:.1f} s after everything was well again"
    yield "the ledger BALANCES" if ledger.balanced else "the ledger does NOT balance"


def _section(title: str, counts: dict[str, int]) -> Iterator[str]:
    yield f"{title}:"
    yield from (_line(name, count) for name, count in counts.items())


def _line(name: str, count: int) -> str:
    return f"  {name:<50}{count:>8}"
