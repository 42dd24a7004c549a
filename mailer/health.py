"""`/healthz`: this process answers. `/readyz`: so do the parts that it needs, each named."""

from __future__ import annotations

import logging
from collections.abc import Callable

from celery import current_app
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from uploads.storage import upload_storage

logger = logging.getLogger(__name__)


def database() -> None:
    """Ask the database one question."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def broker() -> None:
    """Connect to the broker."""
    with current_app.connection_for_write() as broker_connection:
        broker_connection.ensure_connection(max_retries=1, interval_start=0, timeout=2)


def storage() -> None:
    """Ask the storage whether it is there."""
    upload_storage().check()


# Without the database nothing can be accepted. Without the broker mail still flows, and without
# the storage all but attachments does: taking every web process out of service would only harm.
REQUIRED = {"database"}
PARTS: dict[str, Callable[[], None]] = {
    "database": database,
    "broker": broker,
    "storage": storage,
}


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200: this process runs."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 503 while the database is away, else 200; each part is named with what it said.

    `status` is `ok`, `degraded` (mail is accepted all the same) or `unavailable`.
    """
    parts = {name: _state(check) for name, check in PARTS.items()}
    away = {name for name, state in parts.items() if state != "ok"}
    status = "unavailable" if away & REQUIRED else "degraded" if away else "ok"
    return JsonResponse({"status": status, **parts}, status=503 if away & REQUIRED else 200)


def _state(check: Callable[[], None]) -> str:
    try:
        check()
    except Exception as error:  # noqa: BLE001  each part's library has errors of its own
        logger.warning("%s is out of reach: %r", check.__name__, error)
        return f"out of reach ({type(error).__name__})"
    return "ok"
