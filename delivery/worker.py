"""Ties the pump to the life of a Celery worker process."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

from celery import bootsteps
from django.conf import settings

from delivery import metrics
from delivery.exposition import serve_metrics
from delivery.garbage import relax_collection
from delivery.pump import Pump, configured_pace
from delivery.transports.configured import configured_transport

_pumps: list[Pump] = []
_metrics_servers: list[Callable[[], None]] = []  # what ends each


def wake() -> None:
    """Have this process's pump look for work now, if it has one."""
    for pump in _pumps:
        pump.wake()


class PumpStep(bootsteps.StartStopStep):
    """Starts the pump before the worker talks to the broker, and drains it at the end."""

    requires = ("celery.worker.components:Pool",)

    def start(self, worker: Any) -> None:
        """Start; the broker may be away, mail flows all the same."""
        kind = worker.pool_cls.__module__
        if not kind.endswith((".solo", ".thread")):
            raise SystemExit(
                "This worker delivers in a thread of one process: start it without --pool, and "
                "start more workers instead of --concurrency (docs/operating.md, Scaling)."
            )
        transport = configured_transport(made=metrics.expose)
        pump = Pump(transport, configured_pace())
        relax_collection()
        pump.start()
        _pumps.append(pump)
        _metrics_servers.append(serve_metrics())

    def stop(self, worker: Any) -> None:
        """Drain; a second signal ends the process at once, and leases end by themselves."""
        while _pumps:
            _pumps.pop().drain(settings.DRAIN_SECONDS)
        while _metrics_servers:  # last: what a shutdown settles is seen too
            _metrics_servers.pop()()
        gc.freeze()  # what the interpreter would collect at its end takes a busy machine seconds
