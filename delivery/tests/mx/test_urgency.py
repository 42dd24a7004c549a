"""A password reset does not wait for the newsletter to the same host."""

from types import SimpleNamespace

import pytest

from delivery.destinations.budget import Limits
from delivery.destinations.directory import Directory
from delivery.destinations.local import LocalBudget
from delivery.smtp import Endpoint
from delivery.tests.conftest import running
from delivery.tests.waiting import everything_is_final, wait_until
from delivery.transports import mx_host
from delivery.transports.capture import CaptureTransport
from delivery.transports.mx_host import MxHost
from delivery.transports.mx_slots import Crowd
from emails.models.recipient import Priority
from emails.tests.factories import make_email


def host_that_takes(mails_per_minute):
    budget = LocalBudget()
    budget.follow(Directory({"*": Limits(5, 100, mails_per_minute)}))
    endpoint = Endpoint("mx.a.example", 25, "me.example", address="127.0.0.9")
    return MxHost(endpoint, budget, Crowd(may_wait=50), lambda name: None)


def test_batch_that_was_sent_off_is_not_ahead_of_a_single_mail(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(mx_host, "time", SimpleNamespace(monotonic=lambda: now[0]))
    host = host_that_takes(mails_per_minute=6)
    host.release(host.take(), 0.1)
    now[0] += 500
    batch = [host.take() for _ in range(300)]
    assert batch[-1].wait > 300
    assert host.take(urgent=True).wait < 30


def test_single_mails_wait_for_each_other():
    host = host_that_takes(mails_per_minute=6)
    host.release(host.take(), 0.1)
    waits = [host.take(urgent=True).wait for _ in range(5)]
    assert waits[0] < 15
    assert min(waits) > 5  # until the next one may go


class Taken(LocalBudget):
    """The one connection that a host may have belongs to another worker, from now on."""

    def __init__(self):
        super().__init__()
        self.is_taken = False
        self.meanwhile = []  # what others do while it is asked, as where it asks Redis

    def open(self, host):
        if not self.is_taken:
            return super().open(host)
        while self.meanwhile:
            self.meanwhile.pop()()
        return False


def test_mail_for_a_host_that_another_worker_holds_comes_back_soon(monkeypatch):
    now, waits, budget = [1000.0], [], Taken()
    monkeypatch.setattr(mx_host, "time", SimpleNamespace(monotonic=lambda: now[0]))
    endpoint = Endpoint("mx.a.example", 25, "me.example", address="127.0.0.9")
    host = MxHost(endpoint, budget, Crowd(may_wait=50), lambda name: None)
    host.release(host.take(), 0.1)
    now[0] += 40  # no place of ours changed hands since
    budget.is_taken = True
    budget.meanwhile = [lambda: waits.append(host.take().wait)]
    waits.append(host.take().wait)
    assert len(waits) == 2
    assert max(waits) < 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("priority", "urgent"), [(Priority.SINGLE, True), (Priority.BATCH, False)])
def test_transport_is_told_which_mail_is_urgent(outbox, priority, urgent):
    class Told(CaptureTransport):
        def session(self, *args, **options):
            said.append(options["urgent"])
            return super().session(*args, **options)

    said = []
    make_email(priority=priority)
    with running(Told(outbox)):
        wait_until(everything_is_final)
    assert said == [urgent]
