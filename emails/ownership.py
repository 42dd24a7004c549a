"""A project sends from the domains that it is known to hold, and from those below them."""

from __future__ import annotations

import time
from typing import Final

from django.conf import settings

from accounts.errors import ApiError
from accounts.models import Project, SendingDomain
from emails.addresses import Address

KNOWN_SECONDS: Final = 5.0
"""For so long a process takes a domain for the project's without asking again."""
KNOWN_AT_MOST: Final = 10_000

_known: dict[tuple[int, str], float] = {}  # owner and From domain, until when (time.monotonic())


class DomainNotOwned(ApiError):
    """403: the domain in From is not the project's."""

    def __init__(self, message: str) -> None:
        super().__init__(403, "domain_not_owned", message, {"from_email": [message]})


def check_sender(project: Project, sender: Address) -> None:
    """Raise DomainNotOwned, with what to do, where `project` may not send as `sender`.

    What is refused is asked again each time: who has just verified a domain may send at once.
    """
    if settings.ALLOW_ANY_FROM:
        return
    claimed = (project.pk, sender.domain)
    if _known.get(claimed, 0.0) > time.monotonic():
        return
    if SendingDomain.objects.owning(project, sender.domain) is None:
        raise DomainNotOwned(_what_to_do(project, sender.domain))
    _remember(claimed)


def _remember(claimed: tuple[int, str]) -> None:
    if len(_known) >= KNOWN_AT_MOST:
        _known.clear()
    _known[claimed] = time.monotonic() + KNOWN_SECONDS


def _what_to_do(project: Project, domain: str) -> str:
    added = SendingDomain.objects.covering(project, domain)
    if waiting := max((row.name for row in added), key=len, default=None):
        return (
            f"{waiting} was added to this project and is not verified yet, so nothing is sent from "
            f"{domain}. Publish the DNS records that GET /api/domains/{waiting} lists, then ask by "
            f"POST /api/domains/{waiting}/check whether they are seen."
        )
    return (
        f"{domain} is no sending domain of this project. Add it by POST /api/domains, or let staff "
        "add it in the admin, and publish the DNS records that are listed there."
    )
