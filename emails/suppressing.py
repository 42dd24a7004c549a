"""Puts addresses on the list of those that are not written to."""

from __future__ import annotations

from emails.models import EmailEvent, Suppression


def suppress(
    project_id: int, address: str, reason: str, event: EmailEvent | None = None, note: str = ""
) -> bool:
    """Put an address on a project's list; tell whether it was not there before."""
    _, made = Suppression.objects.get_or_create(
        project_id=project_id,
        address=address.lower(),
        defaults={"reason": reason, "event": event, "note": note},
    )
    return made
