"""One attempt at one recipient: compose, hand to the transport, settle."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial

from delivery import metrics, settlement
from delivery.claim import Delivery
from delivery.pipeline import NotNow, Unsendable, compose
from delivery.retry import retry_policy
from delivery.settler import Settler, Verdict
from delivery.smtp import InvalidMail, Outcome, OutcomeKind
from delivery.smtp.crashpoints import reached
from delivery.smtp.waiting import WAITER
from delivery.transports.base import Envelope, Session, Transport
from emails.transitions import Settlement

logger = logging.getLogger(__name__)


class Attempt:
    """Begins in a task and ends, with `finished`, when its outcome is settled."""

    def __init__(
        self,
        delivery: Delivery,
        transport: Transport,
        settler: Settler,
        finished: Callable[[Delivery], None],
    ) -> None:
        self._delivery, self._transport, self._settler = delivery, transport, settler
        self._finished = finished
        self._meter = metrics.meter(transport.name)
        self._session: Session | None = None

    def run(self) -> float | None:
        """Bring the claimed recipient to its next state.

        A number where nothing was sent and nothing is recorded: the recipient is to be given back,
        to be due after so many seconds. Then, and where this raises, `finished` is not called.
        """
        logger.debug("attempt begins", extra=self._delivery.log)
        metrics.IN_FLIGHT.inc()
        try:
            row = self._outcome()
        except BaseException:
            self._leave()
            raise
        if isinstance(row, float):
            self._leave()
            return row
        self._settler.settle(row, partial(self._settled, row))
        return None

    def _outcome(self) -> Settlement | float:
        """Return what to record, or how long to wait where nothing was sent."""
        if time.monotonic() >= self._delivery.expires:
            return settlement.expired(self._delivery)
        recipient, project = self._delivery.recipient, self._delivery.email.project_id
        session = self._session = self._transport.session(
            recipient.address, project, urgent=recipient.urgent
        )
        refused = self._admit(session)
        if refused is not None:
            return refused
        composed = self._compose()
        if isinstance(composed, Settlement):
            return composed
        reached("after_compose")
        WAITER.get().pause()  # what composes in a row finds the processor's caches warm
        return self._send(session, composed)

    def _admit(self, session: Session) -> Settlement | float | None:
        """Return what comes of it where the mail can't go now, so that it need not be made."""
        try:
            refusal = session.admit()
        except Exception as error:  # noqa: BLE001  a bug, which is logged
            return self._stumbled(error)
        return None if refusal is None else self._conclusion(refusal)

    def _compose(self) -> Envelope | Settlement:
        """Return what to send, or why there is nothing."""
        try:
            with metrics.COMPOSE_SECONDS.time():
                return compose(self._delivery)
        except Unsendable as error:
            return settlement.failed(self._delivery, str(error))
        except NotNow as error:
            return self._postponed(str(error))
        except OSError as error:  # the storage of its attachments is out of reach
            return self._postponed(f"an attachment can't be read: {error}")
        except Exception as error:  # noqa: BLE001  a bug, which is logged
            return self._stumbled(error)

    def _send(self, session: Session, envelope: Envelope) -> Settlement | float:
        try:
            with self._meter.send_seconds.time():
                outcome = session.send(envelope)
        except InvalidMail as error:
            return settlement.failed(self._delivery, str(error))
        except Exception as error:  # noqa: BLE001  a bug, which is logged
            return self._stumbled(error, ambiguous=True)
        return self._conclusion(outcome)

    def _conclusion(self, outcome: Outcome) -> Settlement | float:
        if outcome.kind is OutcomeKind.ABANDONED:
            logger.info("not sent: %s", outcome.detail, extra=self._delivery.log)
            return outcome.wait
        if outcome.way:
            self._meter = metrics.meter(outcome.way)
        return settlement.settlement(self._delivery, outcome, retry_policy())

    def _stumbled(self, error: Exception, ambiguous: bool = False) -> Settlement:
        """An error of ours must not leave the row in limbo: it is tried again like any other."""
        logger.exception("an attempt broke off", extra=self._delivery.log)
        return self._postponed(f"an error of ours: {type(error).__name__}", ambiguous)

    def _postponed(self, reason: str, ambiguous: bool = False) -> Settlement:
        return settlement.postponed(self._delivery, reason, retry_policy(), ambiguous)

    def _settled(self, row: Settlement, verdict: Verdict) -> None:
        """Let the session take its next mail; in the thread of all attempts."""
        try:
            self._leave()
        finally:
            self._finished(self._delivery)
        fields = {**self._delivery.log, "status": row.status.value, "data": row.data}
        if verdict is Verdict.SETTLED:
            self._meter.settled(row)
            logger.info(row.type.label.lower(), extra=fields)
        elif verdict is Verdict.TOO_LATE:
            self._meter.too_late.inc()
            logger.warning("too late: the lease was lost, the outcome stays here", extra=fields)

    def _leave(self) -> None:
        if self._session:
            self._session.release()
        metrics.IN_FLIGHT.dec()
