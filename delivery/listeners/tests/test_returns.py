"""Bounces and complaints over real sockets: what they change, and what not."""

from __future__ import annotations

import pytest
from django.db import connection

from delivery import homecoming
from delivery.listeners.tests.dialogue import Client, deliver
from delivery.models import InboundMessage
from delivery.smtp.reports import Report, read_report
from delivery.smtp.tests.returned import arf, away, dsn, of_recipient
from delivery.tests.returns import DOMAIN, delivered, return_address, status_of, types
from emails.addresses import Address
from emails.models import EmailEvent, EventType, Recipient, Status, Suppression
from emails.tests.factories import make_email
from tracking.marking import keyring

pytestmark = pytest.mark.django_db(transaction=True)

SENDER_IS_UNKNOWN = (
    "550-Verification failed for <b+x@bounces.example> 550-Called: 192.0.2.1 550-Response: "
    "550 5.1.1 No Such User Here 550 Sender verify failed"
)


@pytest.fixture(autouse=True)
def return_path_domain(settings):
    settings.RETURN_PATH_DOMAIN = DOMAIN


def test_hard_bounce_moves_delivered_to_bounced_and_suppresses(server) -> None:
    recipient = delivered()
    assert deliver(server, return_address(recipient), dsn()).startswith(b"250")
    assert status_of(recipient) == Status.BOUNCED
    event = EmailEvent.objects.get(recipient=recipient, type=EventType.BOUNCE)
    assert event.data["class"] == "bad_mailbox"
    assert event.data["reply"] == {"code": 550, "enhanced": "5.1.1", "text": "User unknown"}
    assert event.data["reason"].startswith("it came back")
    assert event.data["host"] == "mx.example.net"
    suppression = Suppression.objects.get()
    assert (suppression.address, suppression.reason) == ("ann@example.org", "bounce")
    assert (suppression.project, suppression.event) == (recipient.project, event)


def test_same_notification_twice_makes_one_event(server) -> None:
    recipient = delivered()
    for _ in range(2):
        assert deliver(server, return_address(recipient), dsn()).startswith(b"250")
    assert types(recipient).count("bounce") == 1


def test_same_noted_delay_twice_makes_one_event_and_another_a_second(server) -> None:
    recipient = delivered()
    late = of_recipient(action="delayed", status="4.4.1", text="timed out")
    for number in (1, 1, 2):
        content = dsn(late, message_id=f"<late-{number}@mx.example.net>")
        assert deliver(server, return_address(recipient), content).startswith(b"250")
    assert types(recipient).count("defer") == 2
    assert status_of(recipient) == Status.DELIVERED
    assert not Suppression.objects.exists()


def test_suppression_that_staff_removed_is_not_brought_back_by_the_same_mail(server) -> None:
    recipient = delivered()
    deliver(server, return_address(recipient), dsn())
    Suppression.objects.all().delete()
    deliver(server, return_address(recipient), dsn())
    assert not Suppression.objects.exists()


@pytest.mark.parametrize(
    ("group", "status", "event", "suppressed"),
    [
        ({"status": "5.1.2", "text": "no such domain"}, "bounced", "bounce", True),
        ({"status": "5.2.1", "text": "disabled"}, "bounced", "bounce", True),
        ({"status": "5.2.2", "text": "mailbox full"}, "bounced", "bounce", False),
        ({"status": "5.7.1", "text": "policy"}, "bounced", "bounce", False),
        ({"status": "5.7.1", "text": "spam"}, "bounced", "bounce", False),
        ({"status": "5.7.26", "text": "DMARC"}, "bounced", "bounce", False),
        ({"status": "5.0.0", "text": SENDER_IS_UNKNOWN}, "bounced", "bounce", False),
        ({"status": "4.4.7", "text": "expired"}, "delivered", "defer", False),
    ],
)
def test_notification_does_what_its_reason_says(server, group, status, event, suppressed) -> None:
    recipient = delivered()
    content = dsn(of_recipient(**group))
    assert deliver(server, return_address(recipient), content).startswith(b"250")
    assert status_of(recipient) == status
    assert types(recipient)[-1] == event
    assert Suppression.objects.exists() is suppressed


def test_complaint_is_recorded_and_suppresses(server) -> None:
    recipient = delivered()
    address = return_address(recipient)
    original = f"Return-Path: <{address}>\nMessage-ID: <x@example.com>\n"
    assert deliver(server, f"fbl@{DOMAIN}", arf(original=original)).startswith(b"250")
    assert status_of(recipient) == Status.DELIVERED
    assert types(recipient)[-1] == "complain"
    assert Suppression.objects.get().reason == "complaint"


def test_complaint_is_found_by_message_id_where_all_else_is_redacted(server) -> None:
    email = make_email()
    email.recipients.update(status=Status.DELIVERED)
    original = f"To: redacted@isp.example\nMessage-ID: {email.rfc_message_id}\n"
    deliver(server, f"abuse@{DOMAIN}", arf(original=original))
    assert EmailEvent.objects.filter(email=email, type=EventType.COMPLAIN).count() == 1
    assert not InboundMessage.objects.exists()


@pytest.mark.parametrize("base", ["", "https://track.example.com"])
def test_complaint_is_found_by_our_links_where_the_rest_is_redacted(server, settings, base) -> None:
    email = make_email(cc=(Address("bob@example.org", "Bob"),))
    email.recipients.update(status=Status.DELIVERED)
    bob = email.recipients.get(address="bob@example.org")
    token = keyring().click_token(email.pk, bob.pk, "https://example.net/")
    link = f"{base or settings.PUBLIC_URL}/t/c/{token[:30]}=\n{token[30:]}"
    elsewhere = f"{base or settings.PUBLIC_URL}/t/c/{'x' * 60}"
    original = f'Subject: x\n\n<a href=3D"{elsewhere}"> <a href=3D"{link}">\n'
    assert deliver(server, f"fbl@{DOMAIN}", arf(original=original)).startswith(b"250")
    assert [row.address for row in Suppression.objects.all()] == ["bob@example.org"]


@pytest.mark.parametrize("named", ["bob@example.org", "", "x@y.example"])
def test_nobody_complains_for_another_recipient_of_the_same_email(server, named) -> None:
    email = make_email(cc=(Address("bob@example.org", "Bob"),))
    email.recipients.update(status=Status.DELIVERED)
    original = f"To: {named or 'redacted@isp.example'}\nMessage-ID: {email.rfc_message_id}\n"
    fields = f"Original-Rcpt-To: <{named}>\n" if named else ""
    deliver(server, f"fbl@{DOMAIN}", arf(original=original, fields=fields))
    assert not Suppression.objects.exists()
    assert InboundMessage.objects.get().reason == "a report that can't be assigned"


def test_complaint_at_the_return_path_itself_counts(server) -> None:
    recipient = delivered()
    assert deliver(server, return_address(recipient), arf()).startswith(b"250")
    assert types(recipient)[-1] == "complain"


def test_forged_message_id_is_no_complaint(server) -> None:
    email = make_email()
    email.recipients.update(status=Status.DELIVERED)
    forged = f"Message-ID: <{email.public_id}@elsewhere.example>\n"
    deliver(server, f"fbl@{DOMAIN}", arf(original=forged))
    assert not Suppression.objects.exists()
    assert InboundMessage.objects.get().reason == "a report that can't be assigned"


def test_automatic_answer_changes_nothing_and_is_not_kept(server) -> None:
    recipient = delivered()
    before = types(recipient)
    assert deliver(server, return_address(recipient), away()).startswith(b"250")
    assert (status_of(recipient), types(recipient)) == (Status.DELIVERED, before)
    assert not InboundMessage.objects.exists()


@pytest.mark.parametrize("status", ["scheduled", "queued", "cancelled", "suppressed", "failed"])
def test_what_was_never_sent_is_not_touched(server, status) -> None:
    recipient = delivered(status=status)
    before = types(recipient)
    for content in (dsn(), arf()):
        assert deliver(server, return_address(recipient), content).startswith(b"250")
    assert (status_of(recipient), types(recipient)) == (status, before)
    assert not Suppression.objects.exists()


@pytest.mark.parametrize("status", ["deferred", "expired"])
def test_bounce_ends_what_may_have_gone_out(server, status) -> None:
    recipient = delivered(status=status, ambiguous=True)
    deliver(server, return_address(recipient), dsn())
    assert status_of(recipient) == Status.BOUNCED


def test_bounce_of_a_recipient_that_was_deleted_is_taken(server) -> None:
    recipient = delivered()
    address = return_address(recipient)
    recipient.email.delete()
    assert deliver(server, address, dsn()).startswith(b"250")


def test_bounce_waits_for_the_outcome_of_an_attempt_that_runs(server) -> None:
    recipient = delivered(status=Status.SENDING)
    with Client(server) as client:
        client.command("EHLO x", "MAIL FROM:<>", f"RCPT TO:<{return_address(recipient)}>", "DATA")
        client.socket.sendall(dsn() + b".\r\n")
        client.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            client.socket.recv(1)
        assert status_of(recipient) == Status.SENDING
        Recipient.objects.filter(pk=recipient.pk).update(status=Status.DELIVERED)
        client.socket.settimeout(20)
        assert client.socket.recv(100).startswith(b"250")
    assert status_of(recipient) == Status.BOUNCED


def test_bounce_that_came_too_early_may_come_again(server, monkeypatch) -> None:
    monkeypatch.setattr("delivery.listeners.inbound.IN_FLIGHT_SECONDS", 0.1)
    recipient = delivered(status=Status.SENDING)
    assert deliver(server, return_address(recipient), dsn()).startswith(b"451 4.3.2")
    assert status_of(recipient) == Status.SENDING


def test_notes_about_one_recipient_have_an_end_and_a_bounce_still_counts(server) -> None:
    recipient = delivered()
    late = of_recipient(action="delayed", status="4.4.1", text="timed out")
    for number in range(22):
        content = dsn(late, message_id=f"<late-{number}@mx.example.net>")
        assert deliver(server, return_address(recipient), content).startswith(b"250")
    assert types(recipient).count("defer") == 20
    assert deliver(server, return_address(recipient), dsn()).startswith(b"250")
    assert types(recipient)[-1] == "bounce"


def test_address_that_can_not_be_listed_bounces_all_the_same(server) -> None:
    recipient = delivered(address="ann@\N{SNOWMAN}.example")
    assert deliver(server, return_address(recipient), dsn()).startswith(b"250")
    assert status_of(recipient) == Status.BOUNCED
    assert not Suppression.objects.exists()


def test_mail_is_read_once_and_before_any_transaction(server, monkeypatch) -> None:
    within: list[bool] = []

    def reading(content: bytes, address: str) -> Report:
        within.append(connection.in_atomic_block)
        return read_report(content, address)

    monkeypatch.setattr(homecoming, "read_report", reading)
    monkeypatch.setattr("delivery.listeners.inbound.IN_FLIGHT_SECONDS", 0.7)  # several tries
    recipient = delivered(status=Status.SENDING)
    assert deliver(server, return_address(recipient), dsn()).startswith(b"451 4.3.2")
    assert within == [False]
