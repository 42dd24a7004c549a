"""Connections that domains share, and how little of them a silent or slow host may hold."""

import threading
import time
from collections import Counter

import pytest

from delivery.destinations.budget import Limits
from delivery.destinations.directory import Directory
from delivery.smtp.tests.factories import timeouts
from delivery.smtp.tests.scripted import say, stall
from delivery.tests.conftest import running
from delivery.tests.mx.events import data_of, make_mail, settled
from delivery.tests.waiting import everything_is_final, wait_until
from emails import taking_over
from emails.addresses import Address
from emails.models import EmailEvent, EventType, Recipient, Status
from emails.tests.factories import make_email

pytestmark = pytest.mark.django_db(transaction=True)


def make_many(domain, count, start=0):
    for first in range(start, start + count, 50):
        people = [Address(f"p{n}@{domain}") for n in range(first, min(first + 50, start + count))]
        make_email(to=tuple(people[:1]), cc=tuple(people[1:]))


def delivered():
    return Recipient.objects.filter(status=Status.DELIVERED).count()


def test_burst_to_one_domain_reuses_connections_for_95_percent_of_its_mails(world):
    server = world.exchanger("a.example")
    make_many("a.example", 1000)
    with running(world.transport(), concurrency=20):
        wait_until(everything_is_final, 60)
    assert len(server.messages) == 1000
    assert Counter(len(message.recipients) for message in server.messages) == {1: 1000}
    assert server.connections <= 50
    assert set(Recipient.objects.values_list("attempts", flat=True)) == {1}


def test_domains_with_the_same_exchanger_share_its_connections(world):
    server = world.exchanger("d0.example", name="mx.host.example")
    for number in range(1, 30):
        world.record(f"d{number}.example", 10, "mx.host.example")
    for number in range(30):
        make_many(f"d{number}.example", 2)
    with running(world.transport()):
        wait_until(everything_is_final)
    assert len(server.messages) == 60
    assert server.connections <= 12


def test_event_names_the_host_as_its_own_domain_does(world):
    server = world.exchanger("a.example", name="mx.a.example")
    world.record("b.example", 10, "mx.b.example", server.host)
    with running(world.transport()):
        for domain in ("a.example", "b.example"):
            make_mail(f"ann@{domain}")
            wait_until(settled)
    assert server.connections == 1
    hosts = [event.data["host"] for event in EmailEvent.objects.filter(type=EventType.DELIVER)]
    assert hosts == [f"mx.{each}.example[127.0.0.2]:{world.port}" for each in ("a", "b")]


def test_silent_host_holds_one_connection_and_no_other_mail(world):
    silent = world.exchanger("silent.example").on("greeting", stall)
    server = world.exchanger("a.example")
    make_many("silent.example", 200)
    make_many("a.example", 50)
    with running(world.transport(), concurrency=4):
        wait_until(lambda: len(server.messages) == 50)
        wait_until(lambda: delivered() == 50)
        sending = Recipient.objects.filter(status=Status.SENDING)
        wait_until(lambda: sending.count() <= 4)  # one is held, others are claimed for a moment
        assert silent.connections == 1
        silent.released.set()
    assert not EmailEvent.objects.exclude(type__in=["queue", "deliver", "defer"]).exists()


def test_mail_that_found_no_place_comes_back_as_if_it_had_not_been_taken(world):
    slow = world.exchanger("slow.example").on("greeting", stall)
    make_many("slow.example", 20)
    with running(world.transport()):
        slow.wait_for("greeting")
        wait_until(lambda: Recipient.objects.filter(status=Status.QUEUED).count() == 19)
        later = Recipient.objects.filter(status=Status.QUEUED)
        assert set(later.values_list("attempts", flat=True)) == {0}
        slow.on("greeting", say("220 here"))
        slow.released.set()
    assert EmailEvent.objects.filter(type=EventType.DEFER).count() <= 1


def test_limit_of_mails_in_a_connection_is_kept(world):
    server = world.exchanger("a.example")
    world.allow(Limits(connections=1, mails_per_connection=5))
    make_many("a.example", 20)
    with running(world.transport()):
        wait_until(everything_is_final)
    assert len(server.messages) == 20
    assert server.connections == 4
    assert server.saw("QUIT", 4)


class Turnstile:
    """Counts how many mails are at their final dot at once."""

    def __init__(self):
        self.most = self._now = 0
        self._lock = threading.Lock()

    def __call__(self, peer):
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(0.01)
        with self._lock:
            self._now -= 1
        peer.say("250 2.0.0 accepted")


def test_limit_of_connections_is_kept(world):
    turnstile = Turnstile()
    server = world.exchanger("a.example").on("dot", turnstile)
    world.allow(Limits(connections=3, mails_per_connection=100))
    make_many("a.example", 100)
    with running(world.transport(), concurrency=12):
        wait_until(everything_is_final, 30)
    assert len(server.messages) == 100
    assert turnstile.most == 3


def test_limit_of_mails_a_minute_sends_the_others_off(world):
    server = world.exchanger("a.example")
    world.allow(Limits(connections=5, mails_per_connection=100, mails_per_minute=60))
    make_many("a.example", 30)
    with running(world.transport()):
        wait_until(lambda: len(server.messages) >= 6)
        wait_until(lambda: not Recipient.objects.filter(status=Status.SENDING).exists())
        waiting = Recipient.objects.filter(status=Status.QUEUED)
        assert waiting.count() >= 20
    assert len(server.messages) < 10


def test_signs_of_overload_reach_the_budget(world):
    server = world.exchanger("a.example").on("rcpt", say("450 4.7.28 too fast"), nth=1)
    before = world.budget.limits("mx2.a.example").connections
    make_mail("ann@a.example")
    with running(world.transport()):
        wait_until(settled)
        assert world.budget.limits("mx2.a.example").connections == before // 2
    assert server.messages == []


def test_idle_connections_are_closed_and_given_back_to_the_budget(world, monkeypatch):
    monkeypatch.setattr("delivery.transports.mx_host.IDLE_SECONDS", 0.1)
    server = world.exchanger("a.example")
    transport = world.transport()
    make_mail("ann@a.example")
    with running(transport):
        wait_until(settled)
        wait_until(lambda: server.seen("QUIT"))
        assert transport.connections() == 0


def test_hosts_of_long_ago_are_forgotten_and_their_connections_closed(world, monkeypatch):
    servers = [world.exchanger(f"d{n}.example") for n in range(12)]
    transport = world.transport()
    transport.hosts._most_hosts = 4
    with running(transport):
        for number in range(12):
            make_mail(f"ann@d{number}.example")
            wait_until(settled)
        assert len(transport.hosts.all()) <= 4
        assert transport.connections() <= 4
    assert sum(len(server.messages) for server in servers) == 12


def test_host_to_which_no_connection_can_be_made_is_left_and_can_be_forgotten(world, monkeypatch):
    """As where the file of the roots is gone."""

    def gone(endpoint):
        raise FileNotFoundError("roots.pem")

    monkeypatch.setattr("delivery.transports.pool.Session", gone)
    world.exchanger("a.example")
    transport = world.transport()
    make_mail("ann@a.example")
    with running(transport):
        wait_until(settled)
        assert "FileNotFoundError" in data_of(EventType.DEFER)["reason"]
        [host] = transport.hosts.all()
        assert host.users == 0


def test_open_connections_of_all_hosts_are_bounded(world):
    servers = [world.exchanger(f"d{n}.example") for n in range(12)]
    transport = world.transport()
    transport.hosts._most_open = 4
    with running(transport):
        for number in range(12):
            make_mail(f"ann@d{number}.example")
            wait_until(settled)
            assert transport.connections() <= 5
    assert sum(len(server.messages) for server in servers) == 12


def test_drain_gives_back_what_waits_and_marks_what_awaits_its_last_reply(world):
    server = world.exchanger("a.example").on("dot", stall)
    make_many("a.example", 10)
    with running(world.transport(wait=timeouts(final=60))) as pump:
        server.wait_for("dot")
        pump.drain(0.3)
    by_status = Counter(Recipient.objects.values_list("status", "ambiguous", "attempts"))
    assert by_status == {(Status.DEFERRED, True, 1): 1, (Status.QUEUED, False, 0): 9}
    assert taking_over.take_over() == []


def test_idle_connections_make_room_for_a_host_of_the_same_provider_and_of_no_other(world):
    provider = [world.exchanger(f"d{n}.example", name=f"mx{n}.provider.co.uk") for n in range(2)]
    other = world.exchanger("other.example", name="mx.other.co.uk")
    one = Limits(connections=1, mails_per_connection=100)
    world.budget.follow(Directory({"provider.co.uk": one}))
    with running(world.transport()):
        for domain in ("other.example", "d0.example", "d1.example"):
            make_mail(f"ann@{domain}")
            wait_until(settled)
        assert [len(server.messages) for server in provider] == [1, 1]
        assert provider[0].saw("QUIT")
        make_mail("bob@other.example")
        wait_until(settled)
    assert (len(other.messages), other.connections) == (2, 1)
