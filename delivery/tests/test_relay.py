"""Delivery through a relay: what it answers is what becomes of the mail."""

from datetime import timedelta

import pytest
from django.utils import timezone

from delivery.smtp.tests.scripted import ScriptedServer, drop, say
from delivery.tests.conftest import running
from delivery.tests.waiting import everything_is_final, wait_until
from delivery.transports.relay import RelayTransport
from delivery.transports.url import endpoint_of
from emails.models import EmailEvent, EventType, Recipient, Status
from emails.tests.factories import make_email, make_recipient

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server():
    with ScriptedServer() as scripted:
        yield scripted


@pytest.fixture
def relay(server):
    return RelayTransport(endpoint_of(f"smtp://127.0.0.1:{server.port}?tls=none", "me.example"))


def settled_once() -> bool:
    return not Recipient.objects.filter(status__in=[Status.QUEUED, Status.SENDING]).exists()


def deliver(relay):
    with running(relay):
        wait_until(settled_once)
    return Recipient.objects.get()


def test_mail_arrives_with_its_envelope(server, relay):
    row = make_email()
    assert deliver(relay).status == Status.DELIVERED
    [message] = server.messages
    assert (message.sender, message.recipients) == ("shop@example.com", ["ann@example.org"])
    assert row.rfc_message_id.encode() in message.data


@pytest.mark.parametrize("step", ["mail", "rcpt", "data", "dot"])
def test_temporary_refusal_defers_with_the_reply(server, relay, step):
    make_recipient()
    server.on(step, say("451 4.7.1 come back later"))
    row = deliver(relay)
    assert row.status == Status.DEFERRED
    wait = row.next_attempt_at - timezone.now()
    assert timedelta(minutes=4) < wait < timedelta(minutes=6)
    event = EmailEvent.objects.get(type=EventType.DEFER)
    assert event.data["reply"]["code"] == 451
    assert event.data["reply"]["enhanced"] == "4.7.1"
    assert not row.ambiguous


@pytest.mark.parametrize("step", ["mail", "rcpt", "data", "dot"])
def test_permanent_refusal_bounces_with_the_reply(server, relay, step):
    make_recipient()
    server.on(step, say("550 5.1.1 no such user"))
    assert deliver(relay).status == Status.BOUNCED
    assert EmailEvent.objects.get(type=EventType.BOUNCE).data["reply"]["text"] == "no such user"


@pytest.mark.parametrize("step", ["connect", "greeting", "ehlo", "mail", "rcpt", "data"])
def test_lost_connection_before_the_dot_defers_and_is_not_ambiguous(server, relay, step):
    make_recipient()
    server.on(step, drop)
    row = deliver(relay)
    assert (row.status, row.ambiguous) == (Status.DEFERRED, False)


def test_lost_connection_after_the_dot_is_ambiguous(server, relay):
    make_recipient()
    server.on("dot", drop)
    row = deliver(relay)
    assert (row.status, row.ambiguous) == (Status.DEFERRED, True)
    assert EmailEvent.objects.get(type=EventType.DEFER).data["ambiguous"] is True


def test_connection_is_kept_for_the_next_mail(server, relay):
    with running(relay, concurrency=1):
        make_email()
        wait_until(everything_is_final)
        make_email()
        wait_until(lambda: len(server.messages) == 2)
        wait_until(everything_is_final)
    assert server.connections == 1


def test_refused_mail_does_not_harm_the_next(server, relay):
    make_email()
    make_email()
    server.on("rcpt", say("421 4.3.2 going down"), nth=1)
    with running(relay, concurrency=1):
        wait_until(settled_once)
    assert sorted(Recipient.objects.values_list("status", flat=True)) == ["deferred", "delivered"]


def test_dead_relay_defers(relay, server):
    make_recipient()
    server.on("connect", drop)
    assert deliver(relay).status == Status.DEFERRED


def test_mail_that_no_server_could_take_fails_with_its_reason_and_is_not_ambiguous(server, relay):
    make_email()
    Recipient.objects.update(address="ann at example.org")  # as no request could
    row = deliver(relay)
    assert (row.status, row.ambiguous) == (Status.FAILED, False)
    assert "ann at example.org" in EmailEvent.objects.get(type=EventType.FAIL).data["reason"]
    assert server.connections == 0
