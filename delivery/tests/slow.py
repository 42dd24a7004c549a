"""A transport that takes as long as a test wants."""

import threading
from functools import partial

from delivery.smtp import Outcome, OutcomeKind, Phase
from delivery.smtp.waiting import WAITER
from delivery.transports.capture import CaptureTransport


class SlowTransport(CaptureTransport):
    """Holds every mail until it is let go, or the pump interrupts."""

    def __init__(self, outbox):
        super().__init__(outbox)
        self.arrived, self.let_go = threading.Event(), threading.Event()
        self.interrupted = threading.Event()
        self.begun = []

    def send(self, envelope):
        self.begun.append(envelope.recipient_id)
        self.arrived.set()
        WAITER.get().elsewhere(partial(self.let_go.wait, 20))
        if self.interrupted.is_set():
            return Outcome(OutcomeKind.DEFERRED, Phase.DOT, "slow", "cut", ambiguous=True)
        return super().send(envelope)

    def interrupt(self):
        self.interrupted.set()
        self.let_go.set()
