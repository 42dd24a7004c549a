"""Settles many connections' outcomes in one commit; each goes on once its own is durable."""

from __future__ import annotations

import logging
import queue
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import partial

from django.db import DataError, Error, close_old_connections, connection

from delivery.metrics import SETTLE_BATCH, SETTLE_SECONDS
from delivery.smtp.crashpoints import reached
from emails import events
from emails.transitions import Settlement

logger = logging.getLogger(__name__)

RETRY_SECONDS = 0.5
Settled = set[tuple[int, uuid.UUID]]  # recipients with their tokens

STRIPPED = {"reason": "what was said can't be stored"}
MOST_IN_ONE_COMMIT = 500
# Under load: a commit of twenty costs a third of four commits of five.
GATHER_SECONDS = 0.003  # at most, while more can be expected
MORE_SECONDS = 0.004  # at most, while those who hand in have other work


class Verdict(Enum):
    """What became of a settlement."""

    SETTLED = auto()
    TOO_LATE = auto()  # the lease was lost: the recipient belongs to somebody else
    NOT_RECORDED = auto()  # the process ends before the database is back


@dataclass(slots=True)
class Pending:
    """An outcome on its way to the database; `then` is told what became of it."""

    settlement: Settlement
    then: Callable[[Verdict], None]


class Settler:
    """A thread that writes what others hand it. While it commits, the next batch gathers.

    Whoever hands something in goes on with other work: it would have to wait for the disk. `call`
    has a function called, in the thread in which those who handed in want to be told. `idle` is set
    while they have no other work, `silent` while nothing more comes of them before a commit.
    """

    def __init__(
        self,
        call: Callable[[Callable[[], None]], None],
        idle: threading.Event,
        silent: threading.Event,
    ) -> None:
        self._call, self._idle, self._silent = call, idle, silent
        self._busy = False
        self._waiting: queue.SimpleQueue[Pending | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="settler", daemon=True)
        self._stopping = threading.Event()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def settle(self, settlement: Settlement, then: Callable[[Verdict], None]) -> None:
        """Have a settlement written; `then` is called once it is committed.

        While the database is away that waits; the recipient's lease decides who tries again.
        """
        self._waiting.put(Pending(settlement, then))

    def stop(self, timeout: float) -> None:
        """Write what is waiting and end; what can't be written in `timeout` seconds is given up."""
        self._stopping.set()
        self._waiting.put(None)
        self._thread.join(timeout)

    def _run(self) -> None:
        while batch := self._gather():
            self._write(batch)
        connection.close()

    def _gather(self) -> list[Pending]:
        """Wait for one, then take all that came meanwhile. Empty at the end."""
        first = self._waiting.get()
        if first is None:
            return []
        if self._busy and not self._silent.wait(GATHER_SECONDS):
            self._idle.wait(MORE_SECONDS)
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
        self._busy = len(batch) > 1
        return batch

    def _write(self, batch: Sequence[Pending]) -> None:
        while True:
            try:
                settled = self._commit(batch)
            except DataError as error:
                if len(batch) == 1 and batch[0].settlement.data != STRIPPED:
                    _strip(batch[0], error)
                    continue
                if len(batch) == 1:
                    self._give_up(batch)
                    return
                for one in batch:  # one row that can't be stored must not keep the others
                    self._write([one])
                return
            except Error as error:
                logger.error("outcomes wait for the database: %s", error)
                close_old_connections()
                if self._stopping.wait(RETRY_SECONDS):
                    self._give_up(batch)
                    return
            except Exception:
                if len(batch) > 1:
                    for one in batch:
                        self._write([one])
                    return
                logger.exception("an outcome can't be recorded; its lease ends by itself")
                self._give_up(batch)
                return
            else:
                self._call(partial(_tell_all, batch, settled))
                return

    @staticmethod
    def _commit(batch: Sequence[Pending]) -> Settled:
        reached("before_settle")
        with SETTLE_SECONDS.time():
            settled = events.settle(pending.settlement for pending in batch)
        reached("after_settle")
        SETTLE_BATCH.observe(len(batch))
        return settled

    def _give_up(self, batch: Sequence[Pending]) -> None:
        for pending in batch:
            logger.error(
                "an outcome was not recorded; it counts as ambiguous when the lease ends",
                extra={
                    "recipient_id": pending.settlement.recipient_id,
                    "status": pending.settlement.status,
                },
            )
            self._call(partial(_tell, pending, Verdict.NOT_RECORDED))


def _tell_all(batch: Sequence[Pending], settled: Settled) -> None:
    for pending in batch:
        row = pending.settlement
        ours = (row.recipient_id, row.token) in settled
        _tell(pending, Verdict.SETTLED if ours else Verdict.TOO_LATE)


def _tell(pending: Pending, verdict: Verdict) -> None:
    try:
        pending.then(verdict)
    except Exception:  # this thread must go on, whatever another's code does
        logger.exception("what follows a settlement broke off")


def _strip(pending: Pending, error: DataError) -> None:
    """Leave out what can't be stored: an outcome that is not recorded sends the mail again."""
    settlement = pending.settlement
    logger.error(
        "what was said can't be stored: %s",
        error,
        extra={"recipient_id": settlement.recipient_id, "data": repr(settlement.data)},
    )
    pending.settlement = replace(settlement, data=STRIPPED)
