"""Closes the ledger: what clients were told, what the rows say and what the sink took."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from tests.chaos.clients import Posted
from tests.chaos.faults import Fault
from tests.system import System

FINAL = ("delivered", "bounced", "expired", "failed", "cancelled", "suppressed")
ROWS = """
    SELECT r.id, r.address, r.status, r.ambiguous, e.public_id, e.rfc_message_id
    FROM recipients r JOIN emails e ON e.id = r.email_id
"""
EVENTS = """
    SELECT recipient_id, timestamp, data FROM email_events WHERE type IN ('defer', 'expire')
    ORDER BY timestamp
"""
LEASE_LOST = "lease lost"
Lines = dict[str, list[dict[str, Any]]]


class Doubt(NamedTuple):
    """An event with an `ambiguous` mark."""

    at: float  # seconds since the epoch
    lease_lost: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """What the platform says of a recipient, with its `doubts` in the order of time."""

    address: str
    status: str
    ambiguous: bool
    public_id: str
    message_id: str
    doubts: tuple[Doubt, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """What is known from outside of the platform's rows."""

    mails: list[Posted]
    unexpected: list[str]  # answers that a client must never get
    faults: list[str]  # what processes did that they must not
    repeatable: int  # the most repetitions that kills, pauses and stops explain
    kinds: frozenset[str] = frozenset()  # of mail; a run without one of them says little


@dataclass(frozen=True, slots=True)
class Ledger:
    """The run as a whole. It balances when no check found anything."""

    statuses: dict[str, int]
    accepted: int
    repeated: dict[str, int]  # arrivals beyond the first, by what explains them
    found: dict[str, list[str]] = field(default_factory=dict)  # by check

    @property
    def balanced(self) -> bool:
        """Whether everything is as promised."""
        return not any(self.found.values())


def rows(system: System) -> list[Row]:
    """Read the platform's own account."""
    doubts: dict[int, list[Doubt]] = defaultdict(list)
    for recipient, timestamp, data in system.query(EVENTS):
        said = _read(data)
        if said.get("ambiguous"):
            doubt = Doubt(_epoch(timestamp), said.get("reason") == LEASE_LOST)
            doubts[recipient].append(doubt)
    return [
        Row(address, status, bool(ambiguous), public_id, message_id, tuple(doubts[pk]))
        for pk, address, status, ambiguous, public_id, message_id in system.query(ROWS)
    ]


def _read(data: Any) -> dict[str, Any]:
    """PostgreSQL's driver reads JSON by itself."""
    read: dict[str, Any] = json.loads(data) if isinstance(data, str) else data
    return read


def _epoch(timestamp: Any) -> float:
    """SQLite keeps moments as text, in UTC."""
    if isinstance(timestamp, str):
        timestamp = datetime.fromisoformat(timestamp).replace(tzinfo=UTC)
    seconds: float = timestamp.timestamp()
    return seconds


def sink_lines(file: Path) -> Lines:
    """Read the sink's account, by recipient."""
    lines: Lines = defaultdict(list)
    for line in file.read_text().splitlines():
        written = json.loads(line)
        lines[written["rcpt_to"]].append(written)
    return lines


def close(told: Told, rows: list[Row], lines: Lines) -> Ledger:
    """Compare the three accounts."""
    taken = {to: [x for x in said if x["verdict"] == "taken"] for to, said in lines.items()}
    taken = {to: arrivals for to, arrivals in taken.items() if arrivals}
    by_id = {row.public_id: row for row in rows}
    accepted = [mail for mail in told.mails if mail.message_id]
    repeated = _repeated(taken)
    return Ledger(
        statuses=dict(Counter(row.status for row in rows)),
        accepted=len(accepted),
        repeated=repeated,
        found={
            "request never answered": [m.address for m in told.mails if not m.answered],
            "answer that must not be": told.unexpected,
            "process that misbehaved": told.faults,
            "kind of mail that was never accepted": sorted(told.kinds - {m.kind for m in accepted}),
            "lost: accepted without a row": _beyond(_asked(accepted), _made(rows)),
            "made twice, or by nobody": _beyond(_made(rows), _asked(accepted)),
            "in limbo": [f"{r.public_id} {r.status}" for r in rows if r.status not in FINAL],
            "lost: delivered, but it never arrived": [
                r.public_id for r in rows if r.status == "delivered" and r.address not in taken
            ],
            "arrived, but recorded otherwise": list(_denied(rows, taken)),
            "bounced without a refusal": list(_invented(rows, lines)),
            "cancelled, but it arrived": _arrived(
                (m for m in told.mails if m.cancelled or _says(by_id, m, "cancelled")), taken
            ),
            "cancelled, but not recorded": [
                m.message_id for m in accepted if m.cancelled and not _says(by_id, m, "cancelled")
            ],
            "refused, but it arrived": _arrived(
                (m for m in told.mails if m.answered and not m.message_id), taken
            ),
            "arrived before its time": list(_early(accepted, taken)),
            "another Message-ID": list(_renamed(rows, taken)),
            "repeated without an ambiguous mark": list(_unmarked(rows, taken)),
            "repeated more often than explained": _excess(repeated, told.repeatable),
        },
    )


def _asked(accepted: Iterable[Posted]) -> Counter[tuple[str, str]]:
    return Counter((mail.message_id, mail.address) for mail in accepted)


def _made(rows: Iterable[Row]) -> Counter[tuple[str, str]]:
    return Counter((row.public_id, row.address) for row in rows)


def _beyond(these: Counter[tuple[str, str]], those: Counter[tuple[str, str]]) -> list[str]:
    """Where nothing is left on either side, each mail that was accepted has the one row of it."""
    return [f"{public_id} to {address}" for public_id, address in (these - those).elements()]


def _says(by_id: dict[str, Row], mail: Posted, status: str) -> bool:
    return mail.message_id in by_id and by_id[mail.message_id].status == status


def _arrived(mails: Iterable[Posted], taken: Lines) -> list[str]:
    return [mail.address for mail in mails if mail.address in taken]


def _denied(rows: Iterable[Row], taken: Lines) -> Iterator[str]:
    """An arrival that nobody confirmed may end otherwise, but then the row says that it may be."""
    for row in rows:
        if row.address in taken and row.status != "delivered" and not row.ambiguous:
            yield f"{row.public_id} {row.status}"


def _invented(rows: Iterable[Row], lines: Lines) -> Iterator[str]:
    for row in rows:
        refusals = [line for line in lines.get(row.address, []) if line["verdict"] == "refused"]
        if row.status == "bounced" and not refusals:
            yield row.public_id


def _early(accepted: Iterable[Posted], taken: Lines) -> Iterator[str]:
    for mail in accepted:
        for arrival in taken.get(mail.address, []):
            if mail.scheduled_at and arrival["at"] < mail.scheduled_at:
                yield f"{mail.message_id} by {mail.scheduled_at - arrival['at']:.3f} s"


def _renamed(rows: Iterable[Row], taken: Lines) -> Iterator[str]:
    for row in rows:
        names = {arrival["message_id"] for arrival in taken.get(row.address, [])}
        if names - {row.message_id}:
            yield f"{row.public_id} {sorted(names)}"


def _unmarked(rows: Iterable[Row], taken: Lines) -> Iterator[str]:
    """Each repetition wants a mark of its own, of after the arrival that it repeats.

    A lease may have been lost before: a worker that was paused sends what left it when it wakes.
    """
    for row in rows:
        left = list(row.doubts)
        arrivals = sorted(arrival["at"] for arrival in taken.get(row.address, []))
        for before, again in pairwise(arrivals):
            fits = [d for d in left if d.at < again and (d.at > before or d.lease_lost)]
            if not fits:
                yield f"{row.public_id} again at {again:.3f}, marks: {row.doubts}"
            else:
                left.remove(fits[-1])


def _repeated(taken: Lines) -> dict[str, int]:
    """Count repetitions; those after an arrival that the sink never confirmed are its own."""
    repetitions = sum(len(arrivals) - 1 for arrivals in taken.values())
    by_the_sink = sum(
        sum(arrival["fault"] == Fault.TAKE_AND_DROP for arrival in arrivals[:-1])
        for arrivals in taken.values()
    )
    return {
        "because the sink took it and hung up": by_the_sink,
        "because a worker or the database was stopped": repetitions - by_the_sink,
    }


def _excess(repeated: dict[str, int], repeatable: int) -> list[str]:
    ours = repeated["because a worker or the database was stopped"]
    return [f"{ours} mails, explained are {repeatable}"] if ours > repeatable else []
