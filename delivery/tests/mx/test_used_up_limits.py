"""Mail for many addresses of one provider, whose limit of connections is used up."""

import heapq
from collections import Counter
from types import SimpleNamespace

import pytest

from delivery.destinations.budget import Limits
from delivery.destinations.directory import Directory
from delivery.destinations.local import LocalBudget
from delivery.smtp import OutcomeKind, TlsPolicy
from delivery.smtp.mx import MailExchanger
from delivery.smtp.tests.scripted import stall
from delivery.tests.conftest import running
from delivery.tests.mx.events import make_mail
from delivery.tests.waiting import wait_until
from delivery.transports import mx_host
from delivery.transports.base import Envelope
from delivery.transports.mx_hosts import MxHosts, Terms
from delivery.transports.pool import Place
from emails.models import Recipient, Status

ADDRESSES, MAILS = 50, 1000
ONE = Limits(connections=1, mails_per_connection=100)


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(mx_host, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


class Provider:
    """Its addresses as a worker knows them, and mails that come back when they are told to."""

    def __init__(self, clock, limits=ONE, budget=None):
        self.clock = clock
        self.budget = budget or LocalBudget()
        self.budget.follow(Directory({"provider.example": limits}))
        hosts = MxHosts(self.budget, Terms("me.example"))
        self.hosts = [
            hosts.enter(
                MailExchanger(10, f"mx{n}.provider.example", f"192.0.2.{n + 1}"), TlsPolicy()
            )
            for n in range(ADDRESSES)
        ]
        self.due: list[tuple[float, int]] = []
        self.in_vain: Counter[int] = Counter()  # by the second
        self.sent = 0

    def wait_for(self, mails):
        """Have mails come, to all addresses but the first."""
        for number in range(mails):
            heapq.heappush(self.due, (self.clock[0], 1 + number % (ADDRESSES - 1)))

    def go_on(self, seconds):
        """Let time pass: what finds a place is taken at once."""
        ends = self.clock[0] + seconds
        while self.due and self.due[0][0] < ends:
            self.clock[0], number = heapq.heappop(self.due)
            taken = self.hosts[number].take()
            if isinstance(taken, Place):
                self.hosts[number].release(taken, 0.01)
                self.sent += 1
            else:
                self.in_vain[int(self.clock[0])] += 1
                heapq.heappush(self.due, (self.clock[0] + taken.wait, number))
        self.clock[0] = ends


def test_limit_that_one_address_uses_up_lets_few_mails_to_the_others_come_in_vain(clock):
    provider = Provider(clock)
    slow = provider.hosts[0].take()
    clock[0] += 5
    provider.wait_for(MAILS)
    provider.go_on(10)  # in which they come for the first time, and are spread
    provider.in_vain.clear()
    provider.go_on(60)
    assert max(provider.in_vain.values()) < 50
    provider.hosts[0].release(slow, 75)
    provider.go_on(90)
    assert provider.sent == MAILS


def test_limit_that_a_slow_address_uses_up_mail_by_mail_lets_few_to_the_others_come_in_vain(clock):
    provider = Provider(clock)
    for _ in range(30):
        provider.hosts[0].release(provider.hosts[0].take(), 10)
    clock[0] += 300
    provider.hosts[0].take()
    clock[0] += 5
    provider.wait_for(MAILS)
    provider.go_on(5)
    provider.in_vain.clear()
    provider.go_on(20)
    assert max(provider.in_vain.values()) < 50


class UsedUp(LocalBudget):
    """Other workers have all connections."""

    def open(self, host):
        return False


def test_limit_that_other_workers_use_up_lets_few_mails_come_in_vain(clock):
    provider = Provider(clock, Limits(30, 100), UsedUp())
    provider.wait_for(300)
    provider.go_on(10)
    provider.in_vain.clear()
    provider.go_on(60)
    assert max(provider.in_vain.values()) < 50


def test_mails_a_minute_are_those_of_all_addresses_together(clock):
    provider = Provider(clock, Limits(30, 100, mails_per_minute=60), LocalBudget(lambda: clock[0]))
    provider.wait_for(300)
    provider.go_on(10)
    provider.in_vain.clear()
    provider.go_on(120)
    assert sum(provider.in_vain.values()) < 120 * 5
    assert provider.sent > 90


def test_mail_goes_to_an_address_again_that_staff_count_elsewhere_since(clock):
    provider = Provider(clock)
    slow = provider.hosts[0].take()
    provider.wait_for(1)
    provider.go_on(5)
    assert provider.sent == 0
    provider.budget.follow(Directory({"mx0.provider.example": ONE, "provider.example": ONE}))
    provider.go_on(5)
    assert provider.sent == 1
    provider.hosts[0].release(slow, 10)


def attempt(transport, address):
    """Send one mail as a delivery does; return what comes of it."""
    session = transport.session(address, 1)
    content = b"X: y\r\n\r\nz\r\n"
    envelope = Envelope("msg_1", 1, 1, 1, "a@me.example", address, content, lambda: True)
    try:
        return (session.admit() or session.send(envelope)).kind
    finally:
        session.release()


def test_idle_connections_make_room_only_four_times_a_second(world, clock):
    """Else mail to many addresses of a provider would use no connection twice."""
    servers = [world.exchanger(f"d{n}.example", name=f"mx{n}.provider.example") for n in range(2)]
    world.budget.follow(Directory({"provider.example": ONE}))
    transport = world.transport()
    sent = [attempt(transport, f"ann@d{n}.example") for n in (0, 1, 0, 1)]
    assert sent == [OutcomeKind.DELIVERED] * 2 + [OutcomeKind.ABANDONED, OutcomeKind.DELIVERED]
    assert [server.connections for server in servers] == [1, 1]
    clock[0] += 0.25
    assert attempt(transport, "ann@d0.example") is OutcomeKind.DELIVERED
    assert [server.connections for server in servers] == [2, 1]
    transport.close()


@pytest.mark.django_db(transaction=True)
def test_slow_address_of_a_provider_holds_up_no_mail_to_others(world):
    slow = world.exchanger("d0.example", name="mx0.provider.example").on("dot", stall)
    for number in range(1, 5):
        world.exchanger(f"d{number}.example", name=f"mx{number}.provider.example")
    healthy = world.exchanger("a.example")
    world.budget.follow(Directory({"provider.example": ONE}))
    make_mail("ann@d0.example")
    with running(world.transport(), concurrency=4):
        slow.wait_for("dot")
        for number in range(40):
            make_mail(f"p{number}@d{1 + number % 4}.example")
        make_mail("ann@a.example")
        wait_until(lambda: healthy.messages)
        slow.released.set()
        wait_until(lambda: Recipient.objects.filter(status=Status.DELIVERED).count() >= 41)
