"""The list of addresses that a project does not write to: puts them there, and asks it."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable
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
