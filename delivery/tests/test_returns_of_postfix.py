"""A real Postfix takes our mail, finds nobody, and sends its notification back to us."""

from __future__ import annotations

import os

import pytest

from delivery.listeners.tests.conftest import listening
from delivery.models import InboundMessage
from delivery.tests.conftest import running
from delivery.tests.returning_postfix import ReturningPostfix
from delivery.tests.returns import DOMAIN, status_of, types
from delivery.tests.waiting import wait_until
from delivery.transports.relay import RelayTransport
from delivery.transports.url import endpoint_of
from emails.addresses import Address
from emails.models import EmailEvent, EventType, Suppression
from emails.tests.factories import make_email

# Only root can start Postfix: for others this is a program that they do not have.
POSTFIX = "postfix" if os.geteuid() == 0 else "postfix, started by root"
PATIENCE = 90  # its processes are many, and the machine may be busy with other tests
pytestmark = [pytest.mark.program(POSTFIX), pytest.mark.django_db(transaction=True)]


def test_notification_of_postfix_becomes_a_bounce_and_a_suppression(settings) -> None:
    settings.RETURN_PATH_DOMAIN = DOMAIN
    with listening() as server, ReturningPostfix(server.address[1]) as postfix:
        relay = RelayTransport(endpoint_of(f"{postfix.url}?tls=none", "me.example"))
        known = make_email(to=(Address("inbox@example.net"),)).recipients.get()
        unknown = make_email(to=(Address("nobody@example.net"),)).recipients.get()
        with running(relay):
            wait_until(lambda: status_of(unknown) == "bounced", PATIENCE)
            wait_until(lambda: status_of(known) == "delivered", PATIENCE)
        [message] = postfix.received(1)
    assert b"Return-Path" not in message
    assert types(unknown) == ["queue", "deliver", "bounce"]
    event = EmailEvent.objects.get(recipient=unknown, type=EventType.BOUNCE)
    assert event.data["class"] == "bad_mailbox"
    assert event.data["reply"]["enhanced"] == "5.1.1"
    assert "nobody@example.net" in event.data["reply"]["text"]
    assert event.data["host"] == "postfix.example"
    assert [row.address for row in Suppression.objects.all()] == ["nobody@example.net"]
    assert not InboundMessage.objects.exists()
