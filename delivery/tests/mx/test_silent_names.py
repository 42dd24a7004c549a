"""Domains whose name servers say nothing, beside one that is there."""

import threading

import pytest

from delivery.tests.conftest import running
from delivery.tests.mx.events import make_mail, settled
from delivery.tests.waiting import wait_until
from emails.models import Recipient, Status

pytestmark = pytest.mark.django_db(transaction=True)
SILENT, PLACES = 200, 40


def test_silent_name_servers_hold_up_no_mail_to_other_domains_and_no_thread(world, monkeypatch):
    monkeypatch.setattr("delivery.transports.lookups.MOMENT", 0.2)
    world.dns_seconds = 60.0
    server = world.exchanger("a.example")
    for number in range(SILENT):
        world.dns.zone.silence(f"d{number}.example")
        make_mail(f"ann@d{number}.example")
    with running(world.transport(places=PLACES), concurrency=PLACES):
        wait_until(lambda: len({name for name, kind in world.dns.zone.asked}) == SILENT)
        make_mail("ann@a.example")
        wait_until(lambda: server.messages)
        wait_until(lambda: Recipient.objects.get(address="ann@a.example").status == "delivered")
        waiting = Recipient.objects.exclude(address="ann@a.example")
        assert waiting.filter(status__in=[Status.QUEUED, Status.SENDING]).count() == SILENT
        wait_until(lambda: waiting.filter(status=Status.SENDING).count() <= PLACES // 2)
        assert not any(thread.name == "errands" for thread in threading.enumerate())


def test_drain_gives_back_what_waits_for_a_name_server(world):
    world.dns_seconds = 60.0
    world.dns.zone.silence("a.example")
    make_mail("ann@a.example")
    with running(world.transport()) as pump:
        wait_until(lambda: world.dns.zone.asked)
        pump.drain(10)
        assert Recipient.objects.get().status == Status.QUEUED
    assert Recipient.objects.get().attempts == 0


def test_mail_that_was_sent_off_goes_when_its_name_server_answers(world, monkeypatch, caplog):
    for name in ("MOMENT", "PATIENCE", "AGAIN_SECONDS"):
        monkeypatch.setattr(f"delivery.transports.lookups.{name}", 0.1)
    world.dns_seconds = 6.0  # which asks again after two
    server = world.exchanger("a.example")
    world.dns.zone.silence("a.example")
    make_mail("ann@a.example")
    with running(world.transport()):
        wait_until(lambda: "not sent: its mail exchangers are being looked for" in caplog.text)
        world.dns.zone.mend("a.example")
        wait_until(settled)
    assert len(server.messages) == 1
    assert Recipient.objects.get().attempts == 1
