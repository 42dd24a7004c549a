"""Days of retries, in which time is moved instead of waited for."""

from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.db.models import F
from django.utils import timezone

from delivery.smtp.tests.scripted import say
from delivery.tests.conftest import running
from delivery.tests.mx.events import make_mail
from delivery.tests.waiting import everything_is_final, wait_until
from emails.models import Email, EmailEvent, EventType, Recipient, Status

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)


def skip_the_wait() -> timedelta:
    """Move all that was into the past, so that the one deferred mail is due; return how far."""
    wait = Recipient.objects.get().next_attempt_at - timezone.now()
    EmailEvent.objects.update(timestamp=F("timestamp") - wait)
    Email.objects.update(created_at=F("created_at") - wait, expires_at=F("expires_at") - wait)
    Recipient.objects.update(next_attempt_at=F("next_attempt_at") - wait)
    return wait


def waits_until_the_end(pump) -> list[float]:
    waits = []
    while not everything_is_final():
        waits.append(skip_the_wait().total_seconds())
        pump.wake()
        count = len(waits) + 1
        wait_until(
            lambda count=count: (
                EmailEvent.objects.filter(
                    type__in=[EventType.DEFER, EventType.EXPIRE, EventType.DELIVER]
                ).count()
                == count
            )
        )
    return waits


def test_retry_schedule_over_five_days_ends_in_an_event_like_a_dsn(world):
    world.exchanger("a.example", 10).on("greeting", say("421 4.3.2 away"))
    last = world.exchanger("a.example", 20).on("rcpt", say("451 4.7.1 not yet"))
    make_mail("ann@a.example")
    begun = Email.objects.get().created_at
    with running(world.transport()) as pump:
        wait_until(lambda: EmailEvent.objects.filter(type=EventType.DEFER).exists())
        waits = waits_until_the_end(pump)
    jitter = settings.RETRY_JITTER
    nominal = [min(300.0 * 2**n, 4200.0) for n in range(len(waits))]
    for wait, planned in zip(waits, nominal, strict=True):
        assert planned * (1 - jitter) - 5 <= wait <= planned * (1 + jitter)
    assert 4.9 * DAY < timedelta(seconds=sum(waits)) < 5 * DAY

    row = Recipient.objects.get()
    assert (row.status, row.attempts) == (Status.EXPIRED, len(waits) + 1)
    data = EmailEvent.objects.get(type=EventType.EXPIRE).data
    assert data["recipient"] == "ann@a.example"
    assert data["reply"] == {"code": 451, "enhanced": "4.7.1", "text": "not yet"}
    assert data["hosts"] == [
        f"mx2.a.example[127.0.0.2]:{world.port}",
        f"mx3.a.example[127.0.0.3]:{world.port}",
    ]
    first, final = (datetime.fromisoformat(data[f"{which}_attempt_at"]) for which in FIRST_LAST)
    assert 4.9 * DAY < final - first < 5 * DAY
    assert begun - timedelta(days=5) <= first < begun
    assert last.messages == []


FIRST_LAST = ("first", "last")


def test_mail_that_expires_before_it_is_tried_again_tells_of_its_attempts(world):
    world.exchanger("a.example").on("rcpt", say("451 4.7.1 not yet"))
    make_mail("ann@a.example")
    with running(world.transport()) as pump:
        wait_until(lambda: EmailEvent.objects.filter(type=EventType.DEFER).exists())
        Email.objects.update(expires_at=timezone.now())
        skip_the_wait()
        pump.wake()
        wait_until(everything_is_final)
    data = EmailEvent.objects.get(type=EventType.EXPIRE).data
    assert data["reply"]["code"] == 451
    assert data["first_attempt_at"] == data["last_attempt_at"]
    assert data["hosts"] == [f"mx2.a.example[127.0.0.2]:{world.port}"]


def test_greylisted_mail_is_accepted_at_its_second_attempt(world):
    server = world.exchanger("a.example").on("rcpt", say("450 4.2.0 greylisted"), nth=1)
    make_mail("ann@a.example")
    with running(world.transport()) as pump:
        wait_until(lambda: EmailEvent.objects.filter(type=EventType.DEFER).exists())
        assert skip_the_wait() < timedelta(minutes=6)
        pump.wake()
        wait_until(everything_is_final)
    assert len(server.messages) == 1
    assert Recipient.objects.get().attempts == 2
