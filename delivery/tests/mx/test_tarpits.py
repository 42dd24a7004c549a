"""More hosts that never answer than a worker has places, beside one that does."""

import socket
import time
from contextlib import ExitStack

import pytest

from delivery.smtp.tests.factories import timeouts
from delivery.smtp.tests.scripted import stall
from delivery.tests.conftest import running
from delivery.tests.mx.events import data_of, make_mail
from delivery.tests.waiting import wait_until
from delivery.transports.pool import SURPLUS
from emails.models import EmailEvent, EventType, Recipient, Status

pytestmark = pytest.mark.django_db(transaction=True)
PLACES, TARPITS = 200, 220
LONG = timeouts(greeting=60, command=60, final=60)


@pytest.fixture
def tarpits(world):
    """Hosts that take a connection, and say nothing."""
    with ExitStack() as stack:
        for number in range(TARPITS):
            address = f"127.0.1.{number + 1}"
            stack.enter_context(socket.create_server((address, world.port)))
            world.record(f"t{number}.example", 10, f"mx.t{number}.example", address)
        yield


def count(status):
    return Recipient.objects.filter(status=status).count()


def test_more_tarpits_than_places_hold_up_no_other_mail(world, tarpits, monkeypatch):
    monkeypatch.setattr("delivery.transports.mx_hosts.SLOW_SECONDS", 0.5)
    server = world.exchanger("a.example")
    for number in range(TARPITS):
        make_mail(f"ann@t{number}.example")
    with running(world.transport(wait=LONG, places=PLACES), concurrency=PLACES):
        wait_until(lambda: count(Status.SENDING) >= PLACES)
        make_mail("ann@a.example")
        wait_until(lambda: server.messages)
        wait_until(lambda: count(Status.DEFERRED) == TARPITS - PLACES // 2)
        assert count(Status.SENDING) == PLACES // 2  # which are waited for as RFC 5321 asks
        reasons = EmailEvent.objects.filter(type=EventType.DEFER).values_list("data", flat=True)
        assert {data["detail"] for data in reasons} == {SURPLUS}


def test_few_slow_hosts_are_left_in_peace_and_the_latest_is_cut_of_too_many(world, monkeypatch):
    monkeypatch.setattr("delivery.transports.mx_hosts.SLOW_SECONDS", 0.2)
    hosts = [world.exchanger(f"d{number}.example").on("greeting", stall) for number in range(3)]
    with running(world.transport(wait=LONG, places=4), concurrency=4) as pump:
        for number, host in enumerate(hosts):
            make_mail(f"ann@d{number}.example")
            host.wait_for("greeting")
        wait_until(lambda: count(Status.DEFERRED) == 1)
        assert data_of(EventType.DEFER)["host"].startswith("mx4.d2.example")
        pump.drain(0.5)


@pytest.mark.parametrize("step", ["mail", "data", "dot"])
def test_mail_is_not_cut_once_its_host_has_let_us_in(world, monkeypatch, step):
    monkeypatch.setattr("delivery.transports.mx_hosts.SLOW_SECONDS", 0.1)
    hosts = [world.exchanger(f"d{number}.example").on(step, stall) for number in range(3)]
    silent = [world.exchanger(f"s{number}.example").on("greeting", stall) for number in range(2)]
    with running(world.transport(wait=LONG, places=2), concurrency=5) as pump:
        for number, host in enumerate(hosts):
            make_mail(f"ann@d{number}.example")
            host.wait_for(step)
        for number, host in enumerate(silent):
            make_mail(f"ann@s{number}.example")
            host.wait_for("greeting")
        wait_until(lambda: count(Status.DEFERRED) == 1)
        assert data_of(EventType.DEFER)["host"].startswith("mx6.s1.example")
        assert count(Status.SENDING) == 4
        pump.drain(0.5)


def test_those_who_wait_for_slow_hosts_leave_places_for_others(world, monkeypatch):
    """They wait for a moment, which is long here: together they would hold all places."""
    monkeypatch.setattr("delivery.transports.mx_host.PATIENCE", 60)
    silent = [world.exchanger(f"d{number}.example").on("greeting", stall) for number in range(8)]
    server = world.exchanger("a.example")
    for person in range(4):
        for number in range(8):
            make_mail(f"p{person}@d{number}.example")
    with running(world.transport(wait=LONG, places=16), concurrency=16) as pump:
        for host in silent:
            host.wait_for("greeting")
        time.sleep(1)  # those that were sent off at first come back
        make_mail("ann@a.example")
        wait_until(lambda: server.messages)
        pump.drain(0.5)
