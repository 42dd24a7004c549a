"""One attempt at one recipient: compose, hand to the transport, settle."""

from __future__ import annotations

import logging

from django.utils import timezone

from delivery import metrics, settlement
from delivery.claim import Delivery
from delivery.pipeline import Unsendable, compose
from delivery.retry import retry_policy
from delivery.settler import Settler
from delivery.smtp import Outcome, OutcomeKind
from delivery.smtp.crashpoints import reached
from delivery.transports.base import Envelope, Transport
from emails.transitions import Settlement

logger = logging.getLogger(__name__)


class Attempt:
    """Runs in a delivery thread, from the claim to the settlement."""

    def __init__(self, delivery: Delivery, transport: Transport, settler: Settler) -> None:
        self._delivery, self._transport, self._settler = delivery, transport, settler
        self._meter = metrics.meter(transport.name)

    def run(self) -> bool:
        """Bring the claimed recipient to its next state. Raises django.db.Error at shutdown.

        False where nothing was sent and nothing recorded: the recipient is to be given back.
        """
        logger.debug("attempt begins", extra=self._delivery.log)
        metrics.IN_FLIGHT.inc()
        try:
            return self._run()
        finally:
            metrics.IN_FLIGHT.dec()

    def _run(self) -> bool:
        if timezone.now() >= self._delivery.email.expires_at:
            self._settle(settlement.expired(self._delivery))
        elif envelope := self._compose():
            reached("after_compose")
            return self._send(envelope)
        return True

    def _send(self, envelope: Envelope) -> bool:
        with self._transport.session() as session:
            try:
                with self._meter.send_seconds.time():
                    outcome = session.send(envelope)
            except Exception as error:  # noqa: BLE001  a bug, which is logged
                self._stumble(error, ambiguous=True)
                return True
            return self._conclude(outcome)  # settled before the session takes its next mail

    def _compose(self) -> Envelope | None:
        """Return what to send, or settle why there is nothing."""
        try:
            with metrics.COMPOSE_SECONDS.time():
                return compose(self._delivery)
        except Unsendable as error:
            self._settle(settlement.failed(self._delivery, str(error)))
        except OSError as error:  # the storage of its attachments is out of reach
            self._postpone(f"an attachment can't be read: {error}")
        except Exception as error:  # noqa: BLE001  a bug, which is logged
            self._stumble(error)
        return None

    def _conclude(self, outcome: Outcome) -> bool:
        if outcome.kind is OutcomeKind.ABANDONED:
            logger.warning("not sent: %s", outcome.detail, extra=self._delivery.log)
            return False
        self._settle(settlement.settlement(self._delivery, outcome, retry_policy()))
        return True

    def _stumble(self, error: Exception, ambiguous: bool = False) -> None:
        """An error of ours must not leave the row in limbo: it is tried again like any other."""
        logger.exception("an attempt broke off", extra=self._delivery.log)
        self._postpone(f"an error of ours: {type(error).__name__}", ambiguous)

    def _postpone(self, reason: str, ambiguous: bool = False) -> None:
        policy = retry_policy()
        self._settle(settlement.postponed(self._delivery, reason, policy, ambiguous))

    def _settle(self, row: Settlement) -> None:
        ours = self._settler.settle(row)
        fields = {**self._delivery.log, "status": row.status.value, "data": row.data}
        if ours:
            self._meter.settled(row)
            logger.info(row.type.label.lower(), extra=fields)
        else:
            self._meter.too_late.inc()
            logger.warning("too late: the lease was lost, the outcome stays here", extra=fields)
