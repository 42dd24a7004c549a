"""Workers that are alive settle what they hold before others take it over."""

import threading
import time

import pytest
from django.db import OperationalError

from delivery.tests.conftest import running
from delivery.tests.slow import SlowTransport
from delivery.tests.waiting import everything_is_final, wait_until
from emails import events, taking_over, transitions
from emails.models import Status
from emails.tests.factories import make_recipient

pytestmark = pytest.mark.django_db(transaction=True)


def test_after_the_database_was_away_workers_settle_before_others_take_over(
    capture, outbox, monkeypatch, caplog
):
    """While it was away all leases ended, of workers that are alive."""

    def away(*args):
        if gone.is_set():
            raise OperationalError("gone")

    gone, slow = threading.Event(), SlowTransport(outbox)
    for module, name in (
        *((transitions, name) for name in ("claim", "renew")),
        *((taking_over, "take_over"), (events, "settle")),
    ):
        usual = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *args, f=usual: away() or f(*args))
    row = make_recipient()
    with running(slow, lease=1, look=1):  # so that the other one looks first
        slow.arrived.wait(10)
        gone.set()
        slow.let_go.set()
        with running(capture, lease=1):
            time.sleep(1.75)  # until the lease has ended, and between two tries to settle
            gone.clear()
            wait_until(everything_is_final)
    row.refresh_from_db()
    assert (row.status, row.attempts, row.ambiguous) == (Status.DELIVERED, 1, False)
    assert len(list(outbox.glob("*.eml"))) == 1
    assert "stands still" not in caplog.text  # it was the database


def test_after_the_database_stood_still_workers_settle_before_others_take_over(
    capture, outbox, monkeypatch
):
    """Without an error: a table was locked, and all who waited for it go on together."""

    def wait(seconds):
        if not goes_on.is_set():
            goes_on.wait(20)
            time.sleep(seconds)

    goes_on, slow = threading.Event(), SlowTransport(outbox)
    goes_on.set()
    for module, name, seconds in (
        (transitions, "claim", 0),
        (transitions, "renew", 0.5),
        (events, "settle", 0.5),
    ):
        usual = getattr(module, name)
        monkeypatch.setattr(
            module, name, lambda *args, f=usual, late=seconds: wait(late) or f(*args)
        )
    row = make_recipient()
    with running(slow, lease=1, look=1):
        assert slow.arrived.wait(10)
        with running(capture, lease=1):
            goes_on.clear()
            slow.let_go.set()
            time.sleep(1.75)  # until the lease has ended
            goes_on.set()
            wait_until(everything_is_final)
    row.refresh_from_db()
    assert (row.status, row.attempts, row.ambiguous) == (Status.DELIVERED, 1, False)
    assert len(list(outbox.glob("*.eml"))) == 1
