"""Domains whose name servers say nothing, beside one that is there."""

import threading

import pytest

from delivery.tests.conftest import running
from delivery.tests.mx.events import make_mail, settled
from delivery.tests.waiting import wait_until
from emails.models import Recipient, Status

pytestmark = pytest.mark.django_db(transaction=True)
SILENT = 200


def test_silent_name_servers_hold_up_no_mail_to_other_domains_and_no_thread(world):
    world.dns_seconds = 60.0
    server = world.exchanger("a.example")
    for number in range(SILENT):
        world.dns.zone.silence(f"d{number}.example")
        make_mail(f"ann@d{number}.example")
    with running(world.transport(), concurrency=20):
        wait_until(lambda: len({name for name, kind in world.dns.zone.asked}) == SILENT)
        make_mail("ann@a.example")
        wait_until(lambda: server.messages)
        wait_until(lambda: not Recipient.objects.filter(status=Status.SENDING).exists())
        assert Recipient.objects.filter(status=Status.QUEUED, attempts=0).count() == SILENT
        assert not any(thread.name == "errands" for thread in threading.enumerate())


def test_mail_that_was_sent_off_goes_when_its_name_server_answers(world, monkeypatch):
    monkeypatch.setattr("delivery.transports.lookups.AGAIN_SECONDS", 0.1)
    world.dns_seconds = 6.0  # which asks again after two
    server = world.exchanger("a.example")
    world.dns.zone.silence("a.example")
    make_mail("ann@a.example")
    with running(world.transport()):
        wait_until(lambda: Recipient.objects.get().status == Status.SENDING)
        wait_until(lambda: Recipient.objects.get().status == Status.QUEUED)
        world.dns.zone.mend("a.example")
        wait_until(settled)
    assert len(server.messages) == 1
    assert Recipient.objects.get().attempts == 1
