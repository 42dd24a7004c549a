"""What the one delivery thread bears."""

import threading
import time

import pytest

from delivery.smtp import Outcome, OutcomeKind, Phase
from delivery.smtp.tests.scripted import ScriptedServer, stall
from delivery.tests.conftest import running
from delivery.tests.relays import transport_to
from delivery.tests.waiting import everything_is_final, wait_until
from delivery.transports.capture import CaptureTransport
from emails.models import Attachment, Recipient, Status
from emails.tests.factories import make_email
from uploads.models import Upload
from uploads.tests.factories import make_upload

pytestmark = pytest.mark.django_db(transaction=True)
HANGING = 100


def test_hundred_servers_that_hang_cost_no_thread_and_hold_up_no_other_mail():
    with ScriptedServer() as server:
        for nth in range(1, HANGING + 1):
            server.on("dot", stall, nth=nth)
        relay = transport_to(server, most=2 * HANGING, start=2 * HANGING)
        for _ in range(HANGING + 30):
            make_email()
        with running(relay, concurrency=2 * HANGING):
            wait_until(lambda: Recipient.objects.filter(status=Status.DELIVERED).count() == 30)
            assert Recipient.objects.filter(status=Status.SENDING).count() == HANGING
            ours = {"delivery", "settler", "pump", "errands"}
            assert len([each for each in threading.enumerate() if each.name in ours]) == 3
            server.released.set()
            relay.interrupt()
            wait_until(lambda: not Recipient.objects.filter(status=Status.SENDING).exists())


@pytest.mark.parametrize("disposition", Attachment.Disposition.values)
def test_attachment_is_read_without_holding_up_other_mail(capture, monkeypatch, disposition):
    slow, read = threading.Event(), Upload.read
    monkeypatch.setattr(Upload, "read", lambda upload: slow.wait(20) and read(upload))
    held, other = make_email(), make_email()
    Attachment.objects.create(
        email=held,
        upload=make_upload(content=b"Content-Type: text/html\r\n\r\n<p>Hello</p>\r\n"),
        name="a",
        content_type="text/plain",
        disposition=disposition,
    )
    with running(capture, concurrency=2):
        wait_until(lambda: other.recipients.get().status == Status.DELIVERED)
        assert held.recipients.get().status == Status.SENDING
        slow.set()
        wait_until(everything_is_final)


class HangsAtTheSecond(CaptureTransport):
    """Takes one mail and blocks the thread, as none may, at the next."""

    def __init__(self, outbox):
        super().__init__(outbox)
        self.taken, self.hangs, self.goes_on = [], threading.Event(), threading.Event()

    def send(self, envelope):
        if self.taken:
            self.hangs.set()
            self.goes_on.wait(20)
        self.taken.append(envelope.recipient_id)
        return Outcome(OutcomeKind.DELIVERED, Phase.DOT, "taken.example", "250 2.0.0 accepted")


def test_mail_that_was_taken_is_recorded_though_the_delivery_thread_hangs_right_after(outbox):
    """What is not recorded would go again by another worker."""
    make_email()
    make_email()
    transport = HangsAtTheSecond(outbox)
    with running(transport):
        assert transport.hangs.wait(10)
        first = Recipient.objects.get(pk=transport.taken[0])
        wait_until(lambda: first.refresh_from_db() or first.status == Status.DELIVERED)
        transport.goes_on.set()
        wait_until(everything_is_final)


class HangingTransport(CaptureTransport):
    """Blocks the thread, as none may."""

    def __init__(self, outbox):
        super().__init__(outbox)
        self.came, self.let_go = threading.Event(), threading.Event()

    def send(self, envelope):
        self.came.set()
        self.let_go.wait(20)
        return super().send(envelope)


def test_mail_of_a_worker_whose_delivery_thread_hangs_goes_by_another(outbox):
    """Its other threads are well, and would renew its leases for ever."""
    row = make_email().recipients.get()
    transport = HangingTransport(outbox)
    with running(transport, lease=1):
        transport.came.wait(10)
        try:
            with running(CaptureTransport(outbox), lease=1):
                wait_until(everything_is_final)
        finally:
            transport.let_go.set()
    row.refresh_from_db()
    assert (row.status, row.attempts, row.ambiguous) == (Status.DELIVERED, 2, True)
    assert len(list(outbox.glob("*.eml"))) == 1


def test_worker_whose_delivery_thread_hangs_takes_no_more(outbox):
    make_email()
    transport = HangingTransport(outbox)
    with running(transport, lease=0.5):
        transport.came.wait(10)
        time.sleep(0.7)  # a lease
        try:
            row = make_email().recipients.get()
            with running(CaptureTransport(outbox), look=0.5):
                wait_until(everything_is_final)
        finally:
            transport.let_go.set()
    row.refresh_from_db()
    assert (row.status, row.attempts) == (Status.DELIVERED, 1)


def test_worker_whose_delivery_thread_hangs_shows_no_life(outbox, settings):
    make_email()
    transport, alive = HangingTransport(outbox), settings.VAR / "pump.alive"
    with running(transport):
        transport.came.wait(10)
        alive.unlink(missing_ok=True)
        time.sleep(0.5)  # ten looks
        assert not alive.exists()
        transport.let_go.set()
        wait_until(alive.exists)
