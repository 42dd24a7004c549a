"""The list of addresses that a project does not write to: puts them there, and asks it."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import idna
from django.db import connection, transaction

from emails.models import EmailEvent, Suppression

STRENGTH: Final = (  # the weakest first: a stronger reason takes the place of a weaker one
    Suppression.Reason.IMPORT,
    Suppression.Reason.BOUNCE,
    Suppression.Reason.MANUAL,
    Suppression.Reason.UNSUBSCRIBE,
    Suppression.Reason.COMPLAINT,
)
AT_ONCE: Final = 2000  # rows in one statement
_OF_LIST: Final = "SELECT * FROM suppressions WHERE project_id = %s AND address "


def listed_form(address: str) -> str:
    """Return an address as the list has it: in lower case, the domain as A-labels."""
    local_part, _, domain = address.rpartition("@")
    if not domain.isascii():
        domain = idna.encode(domain, uts46=True).decode("ascii")
    return unicodedata.normalize("NFC", local_part.lower()) + "@" + domain.lower()


def suppress(
    project_id: int, address: str, reason: str, event: EmailEvent | None = None, note: str = ""
) -> bool:
    """Put an address on a project's list; tell whether it was not there before.

    Idempotent. What stands there keeps its reason, unless the new one is stronger. Raises
    ValueError where the domain can't be one (idna.IDNAError).
    """
    found = {"project_id": project_id, "address": listed_form(address)}
    says = {"reason": Suppression.Reason(reason), "event": event, "note": note}
    with transaction.atomic():
        row, is_new = Suppression.objects.get_or_create(**found, defaults=says)
        if not is_new:
            Suppression.objects.filter(pk=row.pk, reason__in=weaker(reason)).update(**says)
    return is_new


@dataclass(frozen=True, slots=True)
class Entry:
    """An address to be suppressed, as `listed_form` has it."""

    address: str
    reason: Suppression.Reason
    note: str = ""


@dataclass(frozen=True, slots=True)
class Added:
    """How many addresses were not on the list before, and how many got a stronger reason."""

    new: int = 0
    stronger: int = 0


def suppress_all(project_id: int, entries: Iterable[Entry]) -> Added:
    """Put many addresses on a project's list, all or none, as `suppress` does each.

    Of entries for the same address, the first of the strongest counts.
    """
    chosen: dict[str, Entry] = {}
    for entry in entries:
        known = chosen.get(entry.address)
        if known is None or known.reason in weaker(entry.reason):
            chosen[entry.address] = entry
    wanted = sorted(chosen.values(), key=lambda entry: entry.address)  # no deadlock with another
    new = stronger = 0
    with transaction.atomic():
        for begin in range(0, len(wanted), AT_ONCE):
            added = _suppress_some(project_id, wanted[begin : begin + AT_ONCE])
            new, stronger = new + added.new, stronger + added.stronger
    return Added(new, stronger)


def _suppress_some(project_id: int, entries: list[Entry]) -> Added:
    there = {row.address: row for row in _entries(project_id, {e.address for e in entries})}
    rows = [
        Suppression(project_id=project_id, address=e.address, reason=e.reason, note=e.note)
        for e in entries
        if e.address not in there
    ]
    Suppression.objects.bulk_create(rows, ignore_conflicts=True)
    stronger = 0
    for entry in entries:
        row = there.get(entry.address)
        if row and row.reason in weaker(entry.reason):
            now = Suppression.objects.filter(pk=row.pk, reason__in=weaker(entry.reason))
            stronger += now.update(reason=entry.reason, note=entry.note, event=None)
    return Added(len(rows), stronger)


def weaker(reason: str) -> tuple[Suppression.Reason, ...]:
    """Return the reasons whose place it takes."""
    return STRENGTH[: STRENGTH.index(Suppression.Reason(reason))]


def suppressed_among(project_id: int, addresses: Iterable[str]) -> set[str]:
    """Return those that are on the project's list, as they were given, by one query."""
    return {*found_among(project_id, addresses)}


def found_among(project_id: int, addresses: Iterable[str]) -> dict[str, Suppression]:
    """Return the entries of those that are on the project's list, by the address as given."""
    wanted = {address: listed_form(address) for address in addresses}
    entries = {entry.address: entry for entry in _entries(project_id, {*wanted.values()})}
    return {given: entries[form] for given, form in wanted.items() if form in entries}


def _entries(project_id: int, addresses: set[str]) -> Iterable[Suppression]:
    if not addresses:
        return []
    if connection.vendor == "postgresql":
        return Suppression.objects.raw(_OF_LIST + "= ANY(%s)", [project_id, [*addresses]])
    # One parameter for all of them: SQLite bounds their number.
    among = "IN (SELECT value FROM json_each(%s))"
    return Suppression.objects.raw(_OF_LIST + among, [project_id, json.dumps([*addresses])])
