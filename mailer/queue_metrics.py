"""The queue as metrics: read from the database when asked, so right whatever processes run."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass

from django.db import Error, connection
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from emails import backlog
from emails.backlog import TooSlow
from emails.models import Status

logger = logging.getLogger(__name__)

QUERY_SECONDS = 2.0
ANSWER_SECONDS = 5.0  # Prometheus gives a scrape 10 by default


@dataclass(frozen=True, slots=True)
class Reading:
    """The queue at one moment; `depth` is None where counting took too long."""

    oldest_due_seconds: float
    depth: dict[Status, int] | None


class QueueReader:
    """Asks in a thread of its own, one question at a time: a database that hangs holds nobody."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: Future[Reading] | None = None

    def read(self, seconds: float) -> Reading:
        """Return what the queue is now.

        Raises TimeoutError after `seconds`, TooSlow and django.db.Error.
        """
        with self._lock:
            if self._asked is None or self._asked.done():
                self._asked = Future()
                threading.Thread(target=_ask, args=(self._asked,), daemon=True).start()
            asked = self._asked
        return asked.result(seconds)


def _ask(asked: Future[Reading]) -> None:
    try:
        asked.set_result(_reading())
    except BaseException as error:  # noqa: BLE001  raised again where it is waited for
        asked.set_exception(error)
    finally:
        connection.close()


def _reading() -> Reading:
    oldest = backlog.oldest_due_seconds(QUERY_SECONDS)
    try:
        return Reading(oldest, backlog.depth(QUERY_SECONDS))
    except TooSlow:
        logger.warning("the queue is too long to be counted in %g seconds", QUERY_SECONDS)
        return Reading(oldest, None)


class QueueCollector(Collector):
    """Always answers, within 5 seconds: while the database is away it says that and no more."""

    def __init__(self, reader: QueueReader) -> None:
        self._reader = reader

    def collect(self) -> Iterator[Metric]:
        """Ask the database."""
        try:
            reading = self._reader.read(ANSWER_SECONDS)
        except (Error, TooSlow, TimeoutError) as error:
            logger.warning("no queue metrics, the database does not answer: %r", error)
            yield _up(False)
        else:
            yield _up(True)
            yield from _families(reading)


def _up(answers: bool) -> Metric:
    return GaugeMetricFamily(
        "mailer_database_up", "Whether the database answers this process.", value=float(answers)
    )


def _families(reading: Reading) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "mailer_queue_oldest_due_seconds",
        "For how long the recipient that waits longest could have been taken.",
        value=reading.oldest_due_seconds,
    )
    if reading.depth is not None:
        recipients = GaugeMetricFamily(
            "mailer_queue_recipients", "Recipients that are not done, by status.", labels=["status"]
        )
        for status, number in reading.depth.items():
            recipients.add_metric([status.value], number)
        yield recipients
