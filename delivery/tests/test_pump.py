"""From the accepted row to the captured mail, and what interrupts the way."""

import email
import email.policy
import re
import threading
import time
from datetime import timedelta
from functools import partial
from itertools import count, pairwise
from unittest.mock import Mock

import pytest
from django.db import connection
from django.utils import timezone

from delivery import attempt, claim, settlement
from delivery.pump import Pace, Pump
from delivery.smtp import Outcome, OutcomeKind, Phase
from delivery.tests.conftest import running
from delivery.tests.slow import SlowTransport
from delivery.tests.waiting import everything_is_final, wait_until
from delivery.transports.capture import CaptureTransport
from emails import taking_over
from emails.addresses import Address
from emails.models import EmailEvent, EventType, Recipient, Status
from emails.rendering import RenderFailed, render_to_send
from emails.submission import AttachedFile
from emails.templating import limits
from emails.tests.factories import (
    in_the_past,
    make_email,
    make_project,
    make_recipient,
    make_template,
)
from uploads.tests.factories import make_upload

pytestmark = pytest.mark.django_db(transaction=True)


def captured(outbox):
    files = sorted(outbox.glob("*.eml"))
    return [email.message_from_bytes(f.read_bytes(), policy=email.policy.default) for f in files]


def test_accepted_mail_is_captured_and_settled(capture, outbox):
    row = make_email(html_body='<p>Hello <a href="https://example.net/a?b=1&amp;c=2">you</a></p>')
    with running(capture):
        wait_until(everything_is_final)
    recipient = row.recipients.get()
    assert (recipient.status, recipient.attempts) == (Status.DELIVERED, 1)
    event = EmailEvent.objects.get(type=EventType.DELIVER)
    assert event.data["reply"]["code"] == 250
    [message] = captured(outbox)
    assert message["To"] == "Ann <ann@example.org>"
    assert message["Message-ID"] == row.rfc_message_id
    html = message.get_body(("html",)).get_content()
    assert "https://mail.example.test/t/c/" in html
    assert html.count("https://mail.example.test/t/o/") == 1
    assert "https://example.net/a?b=1&c=2" in message.get_body(("plain",)).get_content()


def test_each_recipient_gets_links_of_their_own_and_bcc_shows_to_nobody(capture, outbox):
    make_email(
        html_body='<a href="https://example.net/">x</a>',
        cc=(Address("bob@example.org", "Bob"),),
        bcc=(Address("eve@example.org"),),
    )
    with running(capture):
        wait_until(everything_is_final)
    messages = captured(outbox)
    assert len(messages) == 3
    assert {m["Delivered-To"] for m in messages} == {
        "ann@example.org",
        "bob@example.org",
        "eve@example.org",
    }
    links = {re.search(r'/t/c/([\w-]+)"', m.get_body(("html",)).get_content())[1] for m in messages}
    assert len(links) == 3
    for message in messages:
        del message["Delivered-To"]
        assert b"eve@example.org" not in message.as_bytes()
        assert message["Cc"] == "Bob <bob@example.org>"


def test_a_thousand_waiting_mails_are_each_captured_once(capture, outbox):
    for _ in range(200):
        make_email(cc=tuple(Address(f"p{n}@example.org") for n in range(4)))
    with running(capture, concurrency=8), running(capture, concurrency=8):
        wait_until(everything_is_final, 120)
    assert len(list(outbox.glob("*.eml"))) == 1000
    assert EmailEvent.objects.filter(type=EventType.DELIVER).count() == 1000
    assert Recipient.objects.filter(attempts=1).count() == 1000


def test_scheduled_mail_is_not_sent_before_its_time(capture, outbox):
    moment = timezone.now() + timedelta(seconds=0.8)
    make_email(scheduled_at=moment)
    with running(capture):
        wait_until(everything_is_final)
    assert EmailEvent.objects.get(type=EventType.DELIVER).timestamp >= moment


def test_mail_whose_time_is_over_expires_untried(capture, outbox):
    row = make_recipient()
    type(row.email).objects.update(expires_at=in_the_past(seconds=1))
    with running(capture):
        wait_until(everything_is_final)
    row.refresh_from_db()
    assert row.status == Status.EXPIRED
    assert EmailEvent.objects.filter(type=EventType.EXPIRE).count() == 1
    assert captured(outbox) == []


def test_mail_of_a_worker_that_died_goes_again_when_its_lease_ends(capture, outbox):
    row = make_recipient(status=Status.SENDING, attempts=1, next_attempt_at=in_the_past(seconds=1))
    with running(capture):
        wait_until(everything_is_final)
    row.refresh_from_db()
    assert (row.status, row.attempts, row.ambiguous) == (Status.DELIVERED, 2, True)


def test_lease_is_renewed_while_a_slow_delivery_runs(outbox):
    transport = SlowTransport(outbox)
    row = make_recipient()
    with running(transport, lease=1.2):
        transport.arrived.wait(10)
        begins = timezone.now()
        wait_until(lambda: timezone.now() - begins > timedelta(seconds=2))
        transport.let_go.set()
        wait_until(everything_is_final)
    row.refresh_from_db()
    assert (row.status, row.attempts, row.ambiguous) == (Status.DELIVERED, 1, False)


def test_leases_are_seen_to_however_slow_claims_are_and_however_much_waits(outbox, monkeypatch):
    """While each claim lasts, places become free for the next one."""

    class Tidied(CaptureTransport):
        def tidy(self):
            seen.append("round")

    def slowly(*args):
        time.sleep(0.25)
        seen.append("claim")
        return claimed(*args)

    seen, claimed = [], claim.claim
    monkeypatch.setattr(claim, "claim", slowly)
    for _ in range(5):
        make_email(cc=tuple(Address(f"p{n}@example.org") for n in range(45)))
    with running(Tidied(outbox), look=0.05):
        wait_until(everything_is_final, 60)
    assert seen.count("claim") > 5
    assert ("claim", "claim") not in pairwise(seen)


def test_lease_is_renewed_while_a_worker_drains(outbox):
    transport = SlowTransport(outbox)
    row = make_recipient()
    pump = Pump(transport, Pace(concurrency=1, lease=1.2, look=0.05))
    pump.start()
    transport.arrived.wait(10)
    draining = threading.Thread(target=lambda: (pump.drain(20), connection.close()))
    draining.start()
    begins = timezone.now()
    try:
        while timezone.now() - begins < timedelta(seconds=2):
            assert taking_over.take_over() == []
            time.sleep(0.1)
    finally:
        transport.let_go.set()
        draining.join()
    row.refresh_from_db()
    assert (row.status, row.attempts, row.ambiguous) == (Status.DELIVERED, 1, False)


def test_worker_that_lost_its_lease_sends_nothing_and_overwrites_nothing(outbox, caplog):
    transport = SlowTransport(outbox)
    row = make_recipient()
    with running(transport):
        transport.arrived.wait(10)
        Recipient.objects.update(status=Status.CANCELLED, lease_token=None)
        transport.let_go.set()
        wait_until(lambda: "lease was lost" in caplog.text)
    row.refresh_from_db()
    assert row.status == Status.CANCELLED


def test_draining_gives_back_what_was_not_started_and_marks_what_was_cut(outbox):
    transport = SlowTransport(outbox)
    rows = [make_recipient() for _ in range(4)]
    pump = Pump(transport, Pace(concurrency=2, lease=30, look=0.05))
    pump.start()
    wait_until(lambda: Recipient.objects.filter(status=Status.SENDING).count() == 4)
    wait_until(lambda: len(transport.begun) == 2)
    pump.drain(0.3)
    by_status = {}
    for row in rows:
        row.refresh_from_db()
        by_status.setdefault(row.status, []).append(row)
    assert {row.attempts for row in by_status[Status.QUEUED]} == {0}
    assert {row.ambiguous for row in by_status[Status.DEFERRED]} == {True}
    assert {status: len(group) for status, group in by_status.items()} == {
        Status.QUEUED: 2,
        Status.DEFERRED: 2,
    }


class BusyTransport(CaptureTransport):
    """Sends every mail off twice before it takes it."""

    def __init__(self, outbox):
        super().__init__(outbox)
        self._seen = count(1)

    def send(self, envelope):
        if next(self._seen) <= 2:
            return Outcome(OutcomeKind.ABANDONED, Phase.CONNECT, "busy", "no place", wait=0.25)
        return super().send(envelope)


def test_mail_that_was_sent_off_for_a_moment_goes_when_it_is_over_and_not_at_the_next_look(outbox):
    make_email()
    with running(BusyTransport(outbox), look=60):
        wait_until(everything_is_final)


class BrokenTransport(CaptureTransport):
    def send(self, envelope):
        raise ZeroDivisionError


@pytest.mark.parametrize(("most_bytes", "at_once"), [(1, 1), (40_000, 2), (10**6, 4)])
def test_large_mails_wait_for_each_other(outbox, most_bytes, at_once):
    transport = SlowTransport(outbox)
    upload = make_upload(b"x" * 12_000)  # 16,000 bytes, encoded
    for _ in range(5):
        make_email(upload.project, attachments=(AttachedFile("a.bin", upload=upload),))
    with running(transport, most_bytes=most_bytes):
        wait_until(lambda: len(transport.begun) == at_once)
        time.sleep(0.3)
        assert len(transport.begun) == at_once
        transport.let_go.set()
        wait_until(everything_is_final)
    assert len(captured(outbox)) == 5


@pytest.mark.parametrize(
    ("transport", "status"),
    [(CaptureTransport, Status.DELIVERED), (BrokenTransport, Status.DEFERRED)],
)
def test_wrong_date_of_a_worker_ends_no_mail(transport, status, outbox, monkeypatch):
    make_email(expires_in=600)
    tomorrow = timezone.now() + timedelta(days=1)
    for module in (attempt, settlement):
        monkeypatch.setattr(module, "timezone", Mock(now=lambda: tomorrow), raising=False)
    with running(transport(outbox)):
        wait_until(lambda: Recipient.objects.get().status == status)


def test_error_of_ours_leaves_no_row_in_limbo(outbox):
    row = make_recipient()
    with running(BrokenTransport(outbox)):
        wait_until(lambda: Recipient.objects.get().status == Status.DEFERRED)
    row.refresh_from_db()
    assert row.next_attempt_at > timezone.now() + timedelta(minutes=4)
    assert "ZeroDivisionError" in EmailEvent.objects.get(type=EventType.DEFER).data["reason"]


class Panic(BaseException):
    """As one of Rust is (pyo3's PanicException)."""


class PanickingTransport(CaptureTransport):
    def send(self, envelope):
        if envelope.attempt == 1:
            raise Panic
        return super().send(envelope)


def test_panic_leaves_no_row_in_limbo(outbox):
    """Nothing is known of what it did: the mail goes again when its lease ends."""
    row = make_recipient()
    with running(PanickingTransport(outbox), lease=1, concurrency=1):
        wait_until(everything_is_final)
    row.refresh_from_db()
    assert (row.status, row.attempts, row.ambiguous) == (Status.DELIVERED, 2, True)


def test_template_that_takes_longer_than_when_it_was_accepted_is_rendered(capture, monkeypatch):
    project = make_project()
    template = make_template(project, "Hello", "{% for x in xs %}{{ x }}{% endfor %}")
    version = template.current
    row = make_email(project, template_version=version, variables={"xs": [1, 2, 3]})
    for name in ("monotonic", "thread_time"):  # 0.4 seconds for each step
        monkeypatch.setattr(limits, name, partial(next, count(0, 0.4)))
    with pytest.raises(RenderFailed):
        render_to_send(row)
    with running(capture):
        wait_until(everything_is_final)
    assert row.recipients.get().status == Status.DELIVERED


def test_template_that_fails_at_last_fails_the_mail_with_its_reason(capture):
    from emails.models import Email
    from emails.tests.factories import make_template, version_of

    row = make_recipient()
    template = make_template(row.project, html_body="{{ needed }}")
    Email.objects.update(template_version=version_of(template), variables={})
    with running(capture):
        wait_until(everything_is_final)
    row.refresh_from_db()
    assert row.status == Status.FAILED
    assert "needed" in EmailEvent.objects.get(type=EventType.FAIL).data["reason"]


def test_mail_that_can_never_be_assembled_fails_with_its_reason(capture):
    row = make_email()
    type(row).objects.update(headers={"Bcc": "eve@example.org"})  # as no request could
    with running(capture):
        wait_until(everything_is_final)
    assert row.recipients.get().status == Status.FAILED
    event = EmailEvent.objects.get(type=EventType.FAIL)
    assert "Bcc" in event.data["reason"]
