"""The return paths of the settings: whose mail it is that comes back."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings
from django.utils import timezone

from delivery.claim import Delivery
from delivery.smtp.verp import ReturnPaths


def return_path(delivery: Delivery) -> str:
    """Return the envelope's sender: at a host of ours, where there is one, it names the recipient.

    A host of the sender's own domain comes before RETURN_PATH_DOMAIN: SPF aligns with it. The
    address is the same at every attempt, as greylisting wants it (RFC 6647 §2.2).
    """
    host = delivery.identity.return_path_host or settings.RETURN_PATH_DOMAIN
    if not host:
        return delivery.email.from_email
    begins = delivery.email.scheduled_at or delivery.email.created_at
    return f"{_paths().local_part(delivery.recipient.recipient_id, begins)}@{host}"


def recipient_of(local_part: str) -> int | None:
    """Return the id of the recipient whose return path it is; None for a forged or expired one."""
    return _paths().read(local_part, timezone.now())


def _paths() -> ReturnPaths:
    return _made(tuple(settings.TRACKING_KEYS), settings.RETURN_PATH_DAYS)


@lru_cache(maxsize=4)
def _made(keys: tuple[str, ...], days: int) -> ReturnPaths:
    return ReturnPaths(keys, days)
