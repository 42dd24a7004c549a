"""What a server says in the session: why it refused, and whether the address is to blame."""

import pytest
from django.db import connection

from delivery.smtp.tests.scripted import ScriptedServer, say
from delivery.smtp.verp import ReturnPaths
from delivery.tests.conftest import running
from delivery.tests.relays import transport_to
from delivery.tests.returns import DOMAIN
from delivery.tests.waiting import wait_until
from emails.models import EmailEvent, EventType, Recipient, Status, Suppression
from emails.suppressing import suppress
from emails.tests.factories import make_email, make_recipient

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server():
    with ScriptedServer() as scripted:
        yield scripted


def settled_once() -> bool:
    return not Recipient.objects.filter(status__in=[Status.QUEUED, Status.SENDING]).exists()


def deliver(server):
    with running(transport_to(server)):
        wait_until(settled_once)


@pytest.mark.parametrize(
    ("step", "reply", "reason", "suppressed"),
    [
        ("rcpt", "550 5.1.1 User unknown", "bad_mailbox", True),
        ("rcpt", "550 No such user here", "bad_mailbox", True),
        ("dot", "550 5.1.1 User unknown", "bad_mailbox", True),
        ("rcpt", "550 5.1.2 no such domain", "bad_domain", True),
        ("rcpt", "550 5.2.1 mailbox disabled", "inactive", True),
        ("rcpt", "552 5.2.2 mailbox full", None, False),
        ("mail", "550 5.1.1 sender unknown", "bad_mailbox", False),
        ("rcpt", "550 Sender verify failed: No Such User Here", "policy", False),
        ("rcpt", "550 <x@y>: Sender address rejected: User unknown", "policy", False),
        ("rcpt", "550 5.7.1 <x>: Helo command rejected: Host not found", "auth", False),
        ("rcpt", "550 5.7.1 policy", "policy", False),
        ("dot", "554 5.7.1 looks like spam", "spam", False),
        ("dot", "550 5.7.26 DMARC", "auth", False),
        ("rcpt", "550 no", "unknown", False),
        ("dot", "552 5.3.4 too big", "too_large", False),
    ],
)
def test_refusal_has_a_class_and_suppresses_where_the_address_is_to_blame(
    server, step, reply, reason, suppressed
) -> None:
    recipient = make_recipient()
    server.on(step, say(reply))
    deliver(server)
    assert Suppression.objects.exists() is suppressed
    if reason is None:  # 552 at RCPT may pass
        return
    event = EmailEvent.objects.get(type=EventType.BOUNCE)
    assert event.data["class"] == reason
    if suppressed:
        row = Suppression.objects.get()
        assert (row.address, row.reason) == ("ann@example.org", "bounce")
        assert (row.project, row.event) == (recipient.project, event)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("450 4.2.0 Greylisted", "temporary"),
        ("451 4.7.28 unusual rate", "rate"),
        ("450 4.1.1 user unknown", "temporary"),
        ("452 4.2.2 mailbox full", "full"),
    ],
)
def test_deferral_has_a_class_and_never_suppresses(server, reply, reason) -> None:
    make_recipient()
    server.on("rcpt", say(reply))
    deliver(server)
    assert EmailEvent.objects.get(type=EventType.DEFER).data["class"] == reason
    assert not Suppression.objects.exists()


def test_delivery_has_no_class(server) -> None:
    make_recipient()
    deliver(server)
    assert "class" not in EmailEvent.objects.get(type=EventType.DELIVER).data


def test_silence_has_no_class(server) -> None:
    from delivery.smtp.tests.scripted import drop

    make_recipient()
    server.on("rcpt", drop)
    deliver(server)
    assert "class" not in EmailEvent.objects.get(type=EventType.DEFER).data


def test_refused_address_that_is_suppressed_already_stays_as_it_is(server) -> None:
    recipient = make_recipient()

    def complained_meanwhile(peer) -> None:
        suppress(recipient.project_id, "ann@example.org", Suppression.Reason.COMPLAINT)
        connection.close()
        say("550 5.1.1 User unknown")(peer)

    server.on("rcpt", complained_meanwhile)
    deliver(server)
    assert Recipient.objects.get().status == Status.BOUNCED
    assert Suppression.objects.get().reason == "complaint"


def test_mail_goes_out_under_a_return_path_of_its_recipient(server, settings) -> None:
    settings.RETURN_PATH_DOMAIN = DOMAIN
    email = make_email()
    deliver(server)
    [message] = server.messages
    local_part, _, domain = message.sender.partition("@")
    paths = ReturnPaths(settings.TRACKING_KEYS, settings.RETURN_PATH_DAYS)
    event = EmailEvent.objects.get(type=EventType.DELIVER)
    assert domain == DOMAIN
    assert paths.read(local_part, event.timestamp) == email.recipients.get().pk
    assert b"From: Shop <shop@example.com>" in message.data
    assert email.rfc_message_id.encode() in message.data


def test_mail_goes_out_under_its_own_address_where_nothing_is_set(server) -> None:
    make_email()
    deliver(server)
    assert server.messages[0].sender == "shop@example.com"
