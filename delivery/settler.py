"""Settles many connections' outcomes in one commit, and lets each go on once its own is durable."""

from __future__ import annotations

import logging
import queue
import threading
from concurrent.futures import Future
from dataclasses import replace

from django.db import DataError, Error, close_old_connections, connection

from delivery.metrics import SETTLE_BATCH, SETTLE_SECONDS
from delivery.smtp.crashpoints import reached
from emails import events
from emails.transitions import Settlement

logger = logging.getLogger(__name__)

RETRY_SECONDS = 0.5
MOST_IN_ONE_COMMIT = 500

Waiting = tuple[Settlement, "Future[bool]"]


class Settler:
    """A thread that writes what others hand it. While it commits, the next batch gathers."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="settler", daemon=True)
        self._stopping = threading.Event()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def settle(self, settlement: Settlement) -> bool:
        """Return once the settlement is committed: True, or False where the lease was lost.

        While the database is away this waits; the recipient's lease decides who tries again.
        """
        done: Future[bool] = Future()
        self._waiting.put((settlement, done))
        return done.result()

    def stop(self, timeout: float) -> None:
        """Write what is waiting and end; what can't be written in `timeout` seconds is given up."""
        self._stopping.set()
        self._waiting.put(None)
        self._thread.join(timeout)

    def _run(self) -> None:
        while batch := self._gather():
            self._write(batch)
        connection.close()

    def _gather(self) -> list[Waiting]:
        """Wait for one, then take all that came meanwhile. Empty at the end."""
        first = self._waiting.get()
        if first is None:
            return []
        batch = [first]
        while len(batch) < MOST_IN_ONE_COMMIT:
            try:
                following = self._waiting.get_nowait()
            except queue.Empty:
                break
            if following is None:
                self._waiting.put(None)
                break
            batch.append(following)
        return batch

    def _write(self, batch: list[Waiting]) -> None:
        while True:
            try:
                reached("before_settle")
                with SETTLE_SECONDS.time():
                    settled = events.settle(settlement for settlement, _ in batch)
                reached("after_settle")
            except DataError as error:
                if len(batch) == 1:
                    batch = [self._stripped(*batch[0], error)]
                    continue
                for one in batch:  # one row that can't be stored must not keep the others
                    self._write([one])
                return
            except Error as error:
                logger.error("outcomes wait for the database: %s", error)
                close_old_connections()
                if self._stopping.wait(RETRY_SECONDS):
                    self._give_up(batch, error)
                    return
            else:
                SETTLE_BATCH.observe(len(batch))
                for settlement, done in batch:
                    done.set_result(settlement.recipient_id in settled)
                return

    def _stripped(self, settlement: Settlement, done: Future[bool], error: DataError) -> Waiting:
        """Leave out what can't be stored: an outcome that is not recorded sends the mail again."""
        logger.error(
            "what was said can't be stored: %s",
            error,
            extra={"recipient_id": settlement.recipient_id, "data": repr(settlement.data)},
        )
        return replace(settlement, data={"reason": "what was said can't be stored"}), done

    def _give_up(self, batch: list[Waiting], error: Error) -> None:
        for settlement, done in batch:
            logger.error(
                "an outcome was not recorded; it counts as ambiguous when the lease ends",
                extra={"recipient_id": settlement.recipient_id, "status": settlement.status},
            )
            done.set_exception(error)
