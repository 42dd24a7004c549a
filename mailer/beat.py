"""Celery's beat, made to end when it is asked to, whatever it is doing then."""

from typing import Any, NoReturn

from celery import platforms
from celery.apps import beat


class Beat(beat.Beat):
    """Leaves the saving of the schedule to the end of the service, which always does it.

    The handler that it replaces also saves within the signal. Where that comes during a query,
    the save waits for ever for the lock of the connection that the query holds.
    """

    def install_sync_handler(self, service: Any) -> None:
        """Have SIGTERM and SIGINT end the service."""
        platforms.signals.update(SIGTERM=_end, SIGINT=_end)


def _end(number: int, frame: Any) -> NoReturn:
    raise SystemExit
