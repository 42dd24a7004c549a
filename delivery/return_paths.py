"""The return paths of the settings: whose mail it is that comes back."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings
from django.utils import timezone

from delivery.claim import Delivery
from delivery.smtp.verp import ReturnPaths


def return_path(delivery: Delivery) -> str:
    """Return the envelope's sender; with RETURN_PATH_DOMAIN, one that names the recipient."""
    if not settings.RETURN_PATH_DOMAIN:
        return delivery.email.from_email
    local_part = _paths().local_part(delivery.recipient.recipient_id, timezone.now())
    return f"{local_part}@{settings.RETURN_PATH_DOMAIN}"


def recipient_of(local_part: str) -> int | None:
    """Return the id of the recipient whose return path it is; None for a forged or expired one."""
    return _paths().read(local_part, timezone.now())


def _paths() -> ReturnPaths:
    return _made(tuple(settings.TRACKING_KEYS), settings.RETURN_PATH_DAYS)


@lru_cache(maxsize=4)
def _made(keys: tuple[str, ...], days: int) -> ReturnPaths:
    return ReturnPaths(keys, days)
