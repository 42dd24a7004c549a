"""The budget that the settings ask for."""

from __future__ import annotations

from django.conf import settings

from delivery.destinations.directory import LiveDirectory
from delivery.destinations.local import LocalBudget
from delivery.destinations.metrics import DestinationCollector
from delivery.destinations.shared import SharedBudget
from delivery.transports.budget import Budget

FIRST_READ_SECONDS = 2.0


def configured_budget() -> Budget:
    """Return a budget that goes by staff's limits, shared where there is a REDIS_URL.

    It has threads of its own: close it at the end.
    """
    budget = SharedBudget(settings.REDIS_URL) if settings.REDIS_URL else LocalBudget()
    directory, collector = LiveDirectory(budget.follow), DestinationCollector(budget)
    budget.closing += [directory.close, collector.close]
    directory.wait_until_read(FIRST_READ_SECONDS)
    return budget
