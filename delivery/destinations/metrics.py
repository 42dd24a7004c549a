"""What Prometheus is told of destinations: those that have a name, and those in trouble."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from delivery.destinations.local import CountingBudget

MOST_UNKNOWN = 50  # hosts of their own with a lowered level that are told at once


class DestinationCollector(Collector):
    """Asks a budget at each scrape. Hosts of their own are summed up as `others`."""

    def __init__(self, budget: CountingBudget[Any]) -> None:
        self._budget = budget
        REGISTRY.register(self)

    def close(self) -> None:
        """Tell no more."""
        REGISTRY.unregister(self)

    def describe(self) -> list[Any]:
        """Return no names: what is told is known at a scrape only."""
        return []

    def collect(self) -> Iterator[Any]:
        """Yield the series."""
        tallies = self._budget.tallies()
        shared = "Whether limits are shared by Redis; 0: each worker goes on with its share."
        yield GaugeMetricFamily(
            "mailer_destinations_shared", shared, value=float(self._budget.is_shared)
        )
        yield _levels(tallies)
        yield _connections(tallies)
        waits = CounterMetricFamily(
            "mailer_destination_waits",
            "Connections and mails that had to wait for the limits of a destination.",
            labels=["destination"],
        )
        for label, number in self._budget.refusals().items():
            waits.add_metric([label], number)
        yield waits


def _connections(tallies: list[Any]) -> GaugeMetricFamily:
    connections = GaugeMetricFamily(
        "mailer_destination_connections", "Open from this worker.", labels=["destination"]
    )
    sums: Counter[str] = Counter()
    for tally in tallies:
        sums[tally.label] += tally.open
    for label, number in sums.items():
        connections.add_metric([label], number)
    return connections


def _levels(tallies: list[Any]) -> GaugeMetricFamily:
    levels = GaugeMetricFamily(
        "mailer_destination_level",
        "Connections that all workers together may have now, where that is less than the limit.",
        labels=["destination"],
    )
    low = [tally for tally in tallies if tally.level.is_low]
    unknown = [tally for tally in low if not tally.known][:MOST_UNKNOWN]
    for tally in [tally for tally in low if tally.known] + unknown:
        levels.add_metric([tally.name], tally.level.known)
    return levels
