"""A worker's or mail server's own `/metrics`: it serves no other HTTP, and knows what it does."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.conf import settings
from prometheus_client import start_http_server

logger = logging.getLogger(__name__)


def serve_metrics() -> Callable[[], None]:
    """Serve this process's metrics at METRICS_PORT, if that is not 0; return what ends it.

    A port that is taken is said and mail flows all the same: it is worth more than its numbers.
    """
    if not settings.METRICS_PORT:
        return lambda: None
    try:
        server, thread = start_http_server(settings.METRICS_PORT, settings.METRICS_ADDRESS)
    except OSError as error:
        logger.error("no metrics from this process, METRICS_PORT can't be used: %s", error)
        return lambda: None

    def end() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return end
