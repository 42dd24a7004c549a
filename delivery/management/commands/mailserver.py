"""`mailserver`: takes mail in by SMTP, at every address that the settings name, in one process."""

from __future__ import annotations

import logging
import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from delivery.exposition import serve_metrics
from delivery.listeners import inbound, submission
from delivery.listeners.base import Listener

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0


class Command(BaseCommand):
    """Ends by SIGTERM or SIGINT, once mails that are being received are taken or out of time.

    It needs no root beyond what binding a port below 1024 takes.
    """

    help = "Take mail in: what comes back, and what programs submit."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until told to end."""
        ending = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ending.set())
        running: list[Listener] = []
        try:
            for listener in configured_listeners():
                _start(listener)
                running.append(listener)
            end_metrics = serve_metrics()
            _watch(running, ending)
            end_metrics()
        finally:
            _stop(running)


def configured_listeners() -> list[Listener]:
    """Return all that the settings name. Raises CommandError where that is none."""
    found = [*inbound.listeners(), *submission.listeners()]
    if not found:
        raise CommandError(
            "There is nothing to listen for. Set INBOUND_LISTEN, like 0.0.0.0:25, or "
            "SUBMISSION_LISTEN, like 0.0.0.0:587."
        )
    return found


def _start(listener: Listener) -> None:
    host, port = listener.address
    try:
        listener.start()
    except OSError as error:
        raise CommandError(
            f"{listener.name} can't listen at {host}:{port} ({error.strerror or error}). Free the "
            "port, or choose another; below 1024 the process needs CAP_NET_BIND_SERVICE."
        ) from None


def _watch(running: list[Listener], ending: threading.Event) -> None:
    """Show life for as long as every listener answers."""
    while not ending.wait(LOOK_SECONDS):
        dead = [listener.name for listener in running if not listener.alive()]
        if dead:
            logger.error("listeners do not answer", extra={"listeners": ", ".join(dead)})
        else:
            _show_life()


def _show_life() -> None:
    """Touch what a health check looks at; mail flows also where that can't be written."""
    try:
        (settings.VAR / "mailserver.alive").touch()
    except OSError as error:
        logger.warning("health checks will find this mail server dead: %s", error)


def _stop(running: list[Listener]) -> None:
    """Stop all of them at once, within DRAIN_SECONDS."""
    threads = [
        threading.Thread(target=listener.stop, args=[settings.DRAIN_SECONDS])
        for listener in running
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    logger.info("mail server drained")
