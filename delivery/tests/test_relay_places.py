"""Places at a relay: few at first, waited for, given back, and never more than it bears."""

import threading
from collections import Counter

import pytest
from prometheus_client import REGISTRY

from delivery.pump import Pace, Pump
from delivery.smtp import OutcomeKind
from delivery.smtp.tests.scripted import ScriptedServer, drop, say, stall
from delivery.tests.conftest import running
from delivery.tests.relays import transport_to
from delivery.tests.waiting import everything_is_final, wait_until
from delivery.transports.base import Envelope
from emails.models import EmailEvent, EventType, Recipient, Status
from emails.tests.factories import make_email

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server():
    with ScriptedServer() as scripted:
        yield scripted


def mail():
    return Envelope(
        "msg_1", 1, 1, 1, "a@example.com", "b@example.org", b"X: y\r\n\r\nz\r\n", lambda: True
    )


def sent(transport):
    session = transport.session("b@example.org", 1)
    try:
        return session.admit() or session.send(mail())
    finally:
        session.release()


class Gate:
    """Holds every mail at its final dot until it is opened, and counts who waits there."""

    def __init__(self):
        self.waiting, self.most = 0, 0
        self._opened = threading.Event()
        self._lock = threading.Lock()

    def __call__(self, peer):
        with self._lock:
            self.waiting += 1
            self.most = max(self.most, self.waiting)
        self._opened.wait(20)
        with self._lock:
            self.waiting -= 1
        peer.say("250 2.0.0 accepted")

    def open(self):
        self._opened.set()


def test_stopping_frees_who_waits_for_a_place_and_gives_their_mail_back(server):
    gate = Gate()
    server.on("dot", gate)
    for _ in range(20):
        make_email()
    pump = Pump(transport_to(server, most=20), Pace(concurrency=20, lease=30, look=0.05))
    pump.start()
    wait_until(lambda: gate.waiting == 5)
    wait_until(lambda: not Recipient.objects.filter(status=Status.QUEUED).exists())
    pump.drain(0.2)
    gate.open()
    assert server.connections == 5
    assert Counter(Recipient.objects.values_list("status", "attempts", "ambiguous")) == {
        (Status.DEFERRED, 1, True): 5,
        (Status.QUEUED, 0, False): 15,
    }
    assert EmailEvent.objects.filter(type=EventType.DEFER).count() == 5


def test_setting_bounds_the_connections_and_all_mail_goes_through_them(server):
    for _ in range(40):
        make_email()
    with running(transport_to(server, most=2), concurrency=8):
        wait_until(everything_is_final)
    assert len(server.messages) == 40
    assert server.connections <= 2


def test_mail_waits_for_the_places_of_a_quick_relay_and_is_not_claimed_again_and_again(server):
    claimed = REGISTRY.get_sample_value("mailer_claimed_recipients_total")
    for _ in range(200):
        make_email()
    with running(transport_to(server, most=5), concurrency=20):
        wait_until(everything_is_final)
    assert len(server.messages) == 200
    again = REGISTRY.get_sample_value("mailer_claimed_recipients_total") - claimed - 200
    assert again < 50  # none, unless the first mails are slow


def test_mail_that_finds_no_place_in_time_goes_back_and_goes_later(server, caplog):
    gate = Gate()
    server.on("dot", gate)
    for _ in range(3):
        make_email()
    with running(transport_to(server, most=1, patience=0.1), concurrency=3):
        wait_until(lambda: caplog.text.count("no connection to a relay became free") >= 4)
        gate.open()
        wait_until(everything_is_final)
    assert gate.most == 1
    assert len(server.messages) == 3
    assert set(Recipient.objects.values_list("attempts", "ambiguous")) == {(1, False)}
    assert not EmailEvent.objects.filter(type=EventType.DEFER).exists()


def test_busy_relay_sends_its_mail_to_the_next_one_after_a_while(server, monkeypatch):
    monkeypatch.setattr("delivery.transports.relay.LOYALTY", 0.05)
    gate = Gate()
    server.on("dot", gate)
    make_email()
    make_email()
    with ScriptedServer() as other, running(transport_to(server, other, most=1)):
        wait_until(lambda: len(other.messages) == 1 and gate.waiting == 1)
        gate.open()
        wait_until(everything_is_final)
    assert len(server.messages) == 1


class Crowded:
    """Greets so many connections at once, and no more."""

    def __init__(self, places):
        self._places, self._welcome, self._lock = places, [], threading.Lock()
        self.refused = 0

    def __call__(self, peer):
        with self._lock:
            self._welcome = [each for each in self._welcome if each.sock.fileno() >= 0]
            if welcome := len(self._welcome) < self._places:
                self._welcome.append(peer)
            self.refused += not welcome
        say("220 scripted.example ESMTP" if welcome else "421 4.7.0 too many of yours")(peer)


@pytest.mark.parametrize("allowed", [2, 6])
def test_mail_whose_connection_is_one_too_many_goes_over_the_others(server, caplog, allowed):
    crowded = Crowded(allowed)
    server.on("greeting", crowded)
    with running(transport_to(server, most=20), concurrency=20) as pump:
        make_email()
        pump.wake()
        wait_until(everything_is_final)
        for _ in range(60):
            make_email()
        pump.wake()
        wait_until(everything_is_final)
    assert crowded.refused > 0
    assert len(server.messages) == 61
    assert not EmailEvent.objects.filter(type=EventType.DEFER).exists()
    assert "left alone" not in caplog.text


def test_mail_that_is_refused_a_connection_beside_one_that_hangs_goes_back(server):
    server.on("dot", stall, nth=2)
    transport = transport_to(server, patience=0.3)
    assert sent(transport).kind is OutcomeKind.DELIVERED
    hanging = threading.Thread(target=sent, args=(transport,), daemon=True)
    hanging.start()
    assert server.wait_for("dot")
    server.on("greeting", say("421 4.7.0 too many of yours"))
    assert sent(transport).kind is OutcomeKind.ABANDONED
    assert 1 < server.connections <= 4  # it is not asked again and again
    server.released.set()
    hanging.join(5)


def test_relay_that_refuses_all_connections_after_it_served_defers(server):
    transport = transport_to(server)
    assert sent(transport).kind is OutcomeKind.DELIVERED
    server.on("mail", drop).on("greeting", say("421 4.3.2 going down"))
    outcome = sent(transport)
    assert (outcome.kind, outcome.reply.code) == (OutcomeKind.DEFERRED, 421)
    assert server.connections == 2


@pytest.mark.parametrize("action", [say("421 4.7.0 too many"), drop])
def test_storm_of_refused_connections_and_mails_loses_and_repeats_nothing(server, settings, action):
    settings.RETRY_FIRST_SECONDS = 0.1
    for nth in (*range(3, 9), *range(20, 30, 2)):
        server.on("mail", action, nth=nth)
    sent = Counter(make_email().rfc_message_id for _ in range(60))
    with running(transport_to(server, first_pause=0.05), concurrency=8):
        wait_until(everything_is_final, 30)
    received = Counter(
        message_id
        for message in server.messages
        for message_id in sent
        if message_id.encode() in message.data
    )
    assert received == sent
    assert set(Recipient.objects.values_list("status", "ambiguous")) == {("delivered", False)}


def test_idle_connections_are_closed(server, monkeypatch):
    monkeypatch.setattr("delivery.transports.pool.IDLE_SECONDS", 0)
    make_email()
    with running(transport_to(server)):
        wait_until(everything_is_final)
        wait_until(lambda: server.seen("QUIT"))


def test_who_waits_for_a_place_gives_its_mail_back_once_no_more_are_admitted(server):
    transport = transport_to(server, most=1, start=1)
    held = transport.session("b@example.org", 1)
    assert held.admit() is None
    assert held.send(mail()).kind is OutcomeKind.DELIVERED
    waiting, outcomes = transport.session("b@example.org", 1), []
    thread = threading.Thread(
        target=lambda: outcomes.append(waiting.admit() or waiting.send(mail()))
    )
    thread.start()
    transport.admit_no_more()
    thread.join(5)
    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.ABANDONED]
    held.release()
    assert len(server.messages) == 1


def test_as_many_mails_are_made_ready_ahead_as_there_are_places_and_the_next_one_waits(server):
    transport = transport_to(server, most=2, start=2, patience=0.05)
    sessions = [transport.session("b@example.org", 1) for _ in range(6)]
    admitted = [session.admit() for session in sessions[:4]]
    assert admitted == [None] * 4  # two ahead, and two that hold a place
    assert sessions[4].admit().kind is OutcomeKind.ABANDONED
    for session in sessions[:2]:  # one is given up, one is sent
        session.release()
    assert sessions[4].admit() is None
    sessions[2].release()
    assert sessions[4].send(mail()).kind is OutcomeKind.DELIVERED
    assert [sessions[5].admit(), sessions[0].admit()] == [None, None]
    assert sessions[1].admit().kind is OutcomeKind.ABANDONED
