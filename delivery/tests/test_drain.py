"""A worker that is to end, while something is in its way."""

import threading
import time

import pytest
from django.db import OperationalError

from delivery.pump import Pace, Pump
from delivery.smtp import Outcome, OutcomeKind, Phase
from delivery.tests.conftest import running
from delivery.tests.waiting import everything_is_final, wait_until
from delivery.transports.capture import CaptureTransport
from emails import giving_back
from emails.models import EmailEvent, EventType, Recipient, Status
from emails.tests.factories import make_email, make_recipient

pytestmark = pytest.mark.django_db(transaction=True)


class FullTransport(CaptureTransport):
    """Has no place for a while."""

    full = True

    def send(self, envelope):
        if self.full:
            return Outcome(OutcomeKind.ABANDONED, Phase.CONNECT, "full", "no place")
        return super().send(envelope)


def failing(transitions_function, failures):
    def called(*arguments):
        if failures:
            raise failures.pop()
        return transitions_function(*arguments)

    return called


def test_unsent_mail_that_cannot_be_given_back_yet_is_held_and_not_ambiguous(outbox, monkeypatch):
    row = make_recipient()
    transport = FullTransport(outbox)
    failures = [OperationalError("away")] * 3
    monkeypatch.setattr(giving_back, "give_back", failing(giving_back.give_back, failures))
    with running(transport, lease=1.2):
        wait_until(lambda: not failures)
        transport.full = False
        wait_until(everything_is_final)
    row.refresh_from_db()
    assert (row.status, row.ambiguous) == (Status.DELIVERED, False)
    assert not EmailEvent.objects.filter(type=EventType.DEFER).exists()


def test_drain_ends_in_time_while_the_database_does_not_answer(outbox, monkeypatch):
    make_email()
    transport, answers = FullTransport(outbox), threading.Event()
    monkeypatch.setattr(giving_back, "give_back", lambda *_: answers.wait(30))
    pump = Pump(transport, Pace(concurrency=1, lease=30, look=0.05))
    pump.start()
    wait_until(lambda: Recipient.objects.filter(status=Status.SENDING).exists())
    draining = threading.Thread(target=pump.drain, args=[0.5])
    draining.start()
    draining.join(8)
    answers.set()
    assert not draining.is_alive()
    time.sleep(0.1)  # for the threads that hung to let go of their connections
