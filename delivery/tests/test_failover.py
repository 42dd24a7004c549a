"""Several relays: one that is gone costs no mail, and is tried again."""

from collections import Counter

import pytest

from delivery.smtp import Timeouts
from delivery.smtp.tests.scripted import ScriptedServer, drop, garbage, say, stall
from delivery.tests.conftest import running
from delivery.tests.relays import die, host_of, revive, transport_to
from delivery.tests.waiting import everything_is_final, wait_until
from emails.models import EmailEvent, EventType, Recipient, Status
from emails.tests.factories import make_email
from tests.servers import free_port

pytestmark = pytest.mark.django_db(transaction=True)
UNAVAILABLE = "421 4.3.2 not now"


@pytest.fixture
def first():
    with ScriptedServer() as server:
        yield server


@pytest.fixture
def second():
    with ScriptedServer() as server:
        yield server


def settled() -> bool:
    return not Recipient.objects.filter(status__in=[Status.QUEUED, Status.SENDING]).exists()


def make_many(count):
    return Counter(make_email().rfc_message_id for _ in range(count))


def arrived(*servers):
    """How often each Message-ID was accepted, by whomever."""
    lines = [line for s in servers for m in s.messages for line in m.data.split(b"\r\n")]
    return Counter(
        line.partition(b": ")[2].decode() for line in lines if line.startswith(b"Message-ID: ")
    )


def delivered():
    return EmailEvent.objects.filter(type=EventType.DELIVER)


def test_dead_first_relay_costs_no_mail_and_few_tries(second):
    port = free_port()
    sent = make_many(30)
    with running(transport_to(port, second, first_pause=60)):
        wait_until(everything_is_final)
    assert arrived(second) == sent
    assert Recipient.objects.filter(attempts=1, status=Status.DELIVERED).count() == 30
    data = [event.data for event in delivered()]
    assert {entry["host"] for entry in data} == {host_of(second)}
    tries = [entry["tried"] for entry in data if "tried" in entry]
    assert 1 <= len(tries) <= 8  # those who were on their way when the first one failed
    for [failure] in tries:
        assert (failure["host"], failure["phase"]) == (f"127.0.0.1:{port}", "connect")
        assert "refused" in failure["detail"]


@pytest.mark.parametrize(
    ("step", "action", "phase"),
    [
        ("connect", drop, "greeting"),
        ("greeting", say(UNAVAILABLE), "greeting"),
        ("greeting", say("554 5.3.2 no service here"), "greeting"),
        ("greeting", garbage, "greeting"),
        ("ehlo", say(UNAVAILABLE), "ehlo"),
        ("ehlo", drop, "ehlo"),
    ],
)
def test_relay_that_will_not_talk_is_passed_over_in_the_same_attempt(
    first, second, step, action, phase
):
    make_email()
    first.on(step, action)
    with running(transport_to(first, second)):
        wait_until(everything_is_final)
    assert Recipient.objects.get().attempts == 1
    data = delivered().get().data
    assert data["host"] == host_of(second)
    assert [(t["host"], t["phase"]) for t in data["tried"]] == [(host_of(first), phase)]


@pytest.mark.parametrize(("step", "clock"), [("greeting", "greeting"), ("ehlo", "hello")])
def test_silent_relay_is_given_up_for_the_next_one(first, second, monkeypatch, step, clock):
    monkeypatch.setattr("delivery.transports.url.IMPATIENT", Timeouts(**{clock: 0.2}))
    first.on(step, stall)
    sent = make_many(10)
    with running(transport_to(first, second)):
        wait_until(everything_is_final)
    assert arrived(second) == sent
    tries = [event.data["tried"] for event in delivered() if "tried" in event.data]
    assert tries
    assert {(failure["phase"], failure["detail"]) for [failure] in tries} == {(step, "timed out")}


def test_relay_that_falls_silent_while_connections_to_it_are_kept_is_given_up(
    first, second, monkeypatch
):
    monkeypatch.setattr("delivery.transports.url.IMPATIENT", Timeouts(greeting=0.2, kept=0.2))
    with running(transport_to(first, second)):
        before = make_many(1)
        wait_until(everything_is_final)
        first.on("mail", stall)
        first.on("greeting", stall)
        after = make_many(3)
        wait_until(everything_is_final)
    assert (arrived(first), arrived(second)) == (before, after)
    assert Recipient.objects.filter(attempts=1, status=Status.DELIVERED).count() == 4


def test_relay_that_refuses_the_credentials_is_passed_over():
    make_email()
    with (
        ScriptedServer(credentials=("me", "other")) as strict,
        ScriptedServer(credentials=("me", "right")) as friend,
        running(transport_to(strict, friend, user="me:right@")),
    ):
        wait_until(everything_is_final)
    [failure] = delivered().get().data["tried"]
    assert failure["phase"] == "auth"
    assert "535" in failure["detail"]
    assert len(friend.messages) == 1


@pytest.mark.parametrize("step", ["mail", "rcpt", "data", "body", "dot"])
@pytest.mark.parametrize("action", [drop, say("451 4.3.0 later"), say(UNAVAILABLE)])
def test_mail_that_a_relay_has_begun_to_take_goes_to_no_other(first, second, step, action):
    make_email()
    first.on(step, action)
    with running(transport_to(first, second)):
        wait_until(settled)
    assert second.connections == 0
    event = EmailEvent.objects.get(type=EventType.DEFER)
    assert event.data["host"] == host_of(first)
    if step != "body":  # the final dot may be on its way when the drop is noticed
        assert event.data.get("ambiguous", False) == (step == "dot" and action is drop)


def test_relay_that_dies_on_the_way_loses_and_repeats_nothing(first, second, settings):
    settings.RETRY_FIRST_SECONDS = 0.1
    first.on("mail", lambda peer: die(first) or drop(peer), nth=40)
    sent = make_many(120)
    with running(transport_to(first, second, first_pause=60), concurrency=8):
        wait_until(everything_is_final, 30)
    assert arrived(first, second) == sent
    assert len(first.messages) > 0
    assert len(second.messages) > 0
    assert not Recipient.objects.filter(ambiguous=True).exists()


def test_relay_that_is_back_is_preferred_again(first, second):
    die(first)
    make_many(10)
    with running(transport_to(first, second, first_pause=0.05)):
        wait_until(everything_is_final)
        assert len(second.messages) == 10
        revive(first)
        wait_until(lambda: make_email() and first.messages)
        wait_until(everything_is_final)
        taken = len(second.messages)
        make_many(10)
        wait_until(everything_is_final)
    assert len(second.messages) == taken


def test_dead_relay_is_probed_by_one_mail_at_a_time(first, second):
    die(first)
    with running(transport_to(first, second, first_pause=0.02), concurrency=8):
        make_many(5)
        wait_until(everything_is_final)
        known = first.connections
        sent = make_many(100)
        wait_until(everything_is_final)
    assert sum(sent.values()) == 100
    assert first.connections - known < 16  # pauses of 0.02, 0.04, 0.08 … seconds


def test_all_relays_dead_defers_and_names_them(first):
    port = free_port()
    make_email()
    die(first)
    with running(transport_to(first, port)):
        wait_until(settled)
    data = EmailEvent.objects.get(type=EventType.DEFER).data
    assert (data["host"], data["phase"]) == (f"127.0.0.1:{port}", "connect")
    assert [failure["host"] for failure in data["tried"]] == [host_of(first)]


def test_mail_of_a_relay_left_alone_is_deferred_after_a_while_untried(first):
    die(first)
    make_many(20)
    with running(transport_to(first, first_pause=60, patience=0.05)):
        wait_until(settled)
    assert Recipient.objects.filter(status=Status.DEFERRED, ambiguous=False).count() == 20
    details = [e.data["detail"] for e in EmailEvent.objects.filter(type=EventType.DEFER)]
    assert any("left alone" in detail and "closed by the server" in detail for detail in details)
    assert first.connections <= 8


def test_short_outage_of_the_only_relay_defers_only_what_tried_it(first):
    die(first)
    with running(transport_to(first, first_pause=0.3), concurrency=4):
        make_many(2)
        wait_until(settled)
        revive(first)
        make_many(20)
        wait_until(settled)
    assert Counter(Recipient.objects.values_list("status", flat=True)) == {
        Status.DEFERRED: 2,
        Status.DELIVERED: 20,
    }
