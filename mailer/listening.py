"""Celery's worker, made to hear bells and to talk to no other worker."""

from typing import Any

from celery.apps import worker

SILENT = {"without_mingle": True, "without_gossip": True, "without_heartbeat": True}


class Worker(worker.Worker):
    """Neither greets its neighbours when it starts, nor listens to them, nor shows signs of life.

    Nothing here needs it: leases tell workers apart, and VAR/pump.alive is looked at. A broker that
    dies while a worker greets would end the worker, because that error is none of those after which
    Celery connects again; and one that hangs would hold up the worker's end for a minute, within a
    heartbeat.
    """

    def prepare_args(self, **kwargs: Any) -> dict[str, Any]:
        """Return the options of the command line, and ours."""
        options: dict[str, Any] = super().prepare_args(**kwargs)
        return options | SILENT
