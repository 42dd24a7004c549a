"""Celery's worker, made to hear bells and to talk to no other worker."""

from typing import Any

from celery.apps import worker


class Worker(worker.Worker):
    """Neither greets its neighbours when it starts, nor listens to them.

    Nothing here needs it: leases tell workers apart. A broker that dies while a worker greets would
    end the worker, because that error is none of those after which Celery connects again.
    """

    def prepare_args(self, **kwargs: Any) -> dict[str, Any]:
        """Return the options of the command line, and ours."""
        options: dict[str, Any] = super().prepare_args(**kwargs)
        return options | {"without_mingle": True, "without_gossip": True}
