"""Which addresses of ours take mail from outside, and what for. All others are refused."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings

from accounts.models import SendingDomain
from delivery.return_paths import recipient_of

ROLES = frozenset({"abuse", "postmaster"})  # RFC 2142, RFC 5321 §4.5.1
FEEDBACK = "fbl"
OF_SENDING_DOMAIN = "bounces."


class Purpose(StrEnum):
    """What an address of ours is for."""

    RETURN = "return"  # the return path of one recipient's mail
    FEEDBACK = "feedback"  # reports of mailbox providers
    ROLE = "role"  # read by staff


@dataclass(frozen=True, slots=True)
class Destination:
    """An address that takes mail; `recipient_id`, with RETURN: whose mail comes back."""

    address: str
    purpose: Purpose
    recipient_id: int | None = None

    def is_same(self, other: Destination) -> bool:
        """Tell whether one copy of a mail is enough for both."""
        return (self.purpose, self.recipient_id) == (other.purpose, other.recipient_id)


def find_destination(address: str) -> Destination | None:
    """Return what an address is, None for one that takes no mail. Asks the database.

    `postmaster` alone is an address too (RFC 5321 §4.1.1.3).
    """
    if not address.isascii():  # none of ours has other characters
        return None
    local_part, _, domain = address.rpartition("@")
    if not local_part and domain.lower() == "postmaster":
        return Destination(domain, Purpose.ROLE)
    recipient_id = recipient_of(local_part)
    purpose = Purpose.RETURN if recipient_id is not None else _purpose(local_part.lower())
    if purpose is None or not is_ours(domain.lower()):
        return None
    return Destination(address, purpose, recipient_id)


def _purpose(local_part: str) -> Purpose | None:
    if local_part in ROLES:
        return Purpose.ROLE
    return Purpose.FEEDBACK if local_part == FEEDBACK else None


def is_ours(domain: str) -> bool:
    """Tell whether mail to a domain ends here. Others are asked for by strangers all the time."""
    if domain and domain in (settings.HELO_NAME.lower(), settings.RETURN_PATH_DOMAIN):
        return True
    if not domain.startswith(OF_SENDING_DOMAIN):
        return False
    name = domain.removeprefix(OF_SENDING_DOMAIN)
    return SendingDomain.objects.filter(name=name, verified_at__isnull=False).exists()
