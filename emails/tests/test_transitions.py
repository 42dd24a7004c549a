"""Claim, renewal, settlement: compare-and-swap on the row."""

import uuid
from datetime import timedelta
from unittest.mock import Mock

import pytest
from django.db import connection
from django.utils import timezone

from emails import giving_back, rows, taking_over, transitions
from emails.accept import prepare, save
from emails.addresses import Address
from emails.giving_back import Unsent
from emails.models import EmailEvent, EventType, Priority, Recipient, Status
from emails.tests.factories import (
    in_the_past,
    make_email,
    make_project,
    make_recipient,
    make_submission,
)
from emails.transitions import Claimed, Settlement

pytestmark = pytest.mark.django_db

LEASE = 60


def claimed(limit):
    return [row.recipient_id for row in transitions.claim(limit, LEASE)[1]]


def delivered(pk, token):
    return Settlement(pk, token, Status.DELIVERED, EventType.DELIVER, {"host": "mx"})


def test_due_recipient_is_claimed_once():
    row = make_recipient()
    token, taken = transitions.claim(10, LEASE)
    assert taken == [Claimed(row.pk, row.email_id, row.address, 1, True)]
    assert claimed(10) == []
    row.refresh_from_db()
    assert (row.status, row.lease_token, row.attempts) == (Status.SENDING, token, 1)
    assert row.next_attempt_at > timezone.now() + timedelta(seconds=LEASE - 5)


def test_recipient_that_became_due_this_very_moment_is_claimed():
    row = make_recipient(next_attempt_at=timezone.now() + timedelta(hours=1))
    for _ in range(200):  # the clocks of Python and SQLite differ in what they tell
        Recipient.objects.update(status=Status.QUEUED, next_attempt_at=timezone.now())
        assert claimed(1) == [row.pk]


def test_recipient_that_was_tried_as_often_as_can_be_counted_holds_up_nobody():
    often, other = make_recipient(attempts=transitions.MOST_ATTEMPTS), make_recipient()
    assert sorted(claimed(10)) == sorted([often.pk, other.pk])
    often.refresh_from_db()
    assert often.attempts == transitions.MOST_ATTEMPTS


@pytest.mark.parametrize("status", [Status.SCHEDULED, Status.QUEUED, Status.DEFERRED])
def test_every_waiting_status_is_claimed_when_due_and_not_before(status):
    row = make_recipient(status=status, next_attempt_at=timezone.now() + timedelta(seconds=30))
    assert claimed(10) == []
    Recipient.objects.update(next_attempt_at=in_the_past(seconds=1))
    assert claimed(10) == [row.pk]


@pytest.mark.parametrize(
    "status", [s for s in Status if s not in ("scheduled", "queued", "deferred")]
)
def test_no_other_status_is_claimed(status):
    make_recipient(status=status)
    assert claimed(10) == []


def test_single_sends_go_before_batches():
    batch = make_recipient(priority=Priority.BATCH, next_attempt_at=in_the_past(hours=1))
    single = make_recipient()
    assert claimed(1) == [single.pk]
    assert claimed(1) == [batch.pk]


def test_claim_takes_no_more_than_its_limit():
    for _ in range(5):
        make_email()
    assert len(claimed(3)) == 3


def test_settlement_writes_status_and_event():
    row = make_recipient()
    token, _ = transitions.claim(1, LEASE)
    assert transitions.settle([delivered(row.pk, token)]) == {(row.pk, token)}
    row.refresh_from_db()
    assert (row.status, row.lease_token) == (Status.DELIVERED, None)
    event = EmailEvent.objects.get(type=EventType.DELIVER)
    assert (event.recipient_id, event.email_id, event.data) == (
        row.pk,
        row.email_id,
        {"host": "mx"},
    )


def test_deferral_waits_and_is_claimed_again():
    row = make_recipient()
    token, _ = transitions.claim(1, LEASE)
    transitions.settle([Settlement(row.pk, token, Status.DEFERRED, EventType.DEFER, {}, wait=300)])
    row.refresh_from_db()
    assert timedelta(seconds=290) < row.next_attempt_at - timezone.now() < timedelta(seconds=310)
    Recipient.objects.update(next_attempt_at=in_the_past(seconds=1))
    assert claimed(1) == [row.pk]
    row.refresh_from_db()
    assert row.attempts == 2


def test_worker_without_the_lease_cannot_settle():
    row = make_recipient()
    transitions.claim(1, LEASE)
    assert transitions.settle([delivered(row.pk, uuid.uuid4())]) == set()
    row.refresh_from_db()
    assert row.status == Status.SENDING
    assert not EmailEvent.objects.filter(type=EventType.DELIVER).exists()


def test_expired_lease_is_taken_over_as_ambiguous():
    row = make_recipient()
    token, _ = transitions.claim(1, LEASE)
    assert taking_over.take_over() == []
    Recipient.objects.update(next_attempt_at=in_the_past(seconds=1))
    assert [lost.recipient_id for lost in taking_over.take_over()] == [row.pk]
    row.refresh_from_db()
    assert (row.status, row.ambiguous) == (Status.DEFERRED, True)
    assert EmailEvent.objects.get(type=EventType.DEFER).data["ambiguous"] is True
    assert transitions.settle([delivered(row.pk, token)]) == set()
    assert claimed(1) == [row.pk]


@pytest.mark.services
@pytest.mark.parametrize(("mails", "copies"), [(1, 0), (1, 2), (1, 15), (3, 0), (30, 0)])
def test_mail_waits_for_no_clock_that_is_ahead_of_the_databases(monkeypatch, mails, copies):
    later = timezone.now() + timedelta(hours=1)
    monkeypatch.setattr(rows, "timezone", Mock(now=lambda: later))
    project, cc = make_project(), tuple(Address(f"p{n}@example.org") for n in range(copies))
    save([prepare(make_submission(project, cc=cc)) for _ in range(mails)])
    assert len(claimed(100)) == mails * (1 + copies)


@pytest.mark.services
def test_scheduled_mail_is_not_due_before_its_time_by_the_databases_clock():
    moment = timezone.now() + timedelta(hours=1)
    save([prepare(make_submission(scheduled_at=moment))])
    assert claimed(1) == []


def lose_a_lease(row):
    """Return in how many seconds the mail goes again."""
    Recipient.objects.update(next_attempt_at=in_the_past(seconds=1))
    transitions.claim(1, LEASE)
    Recipient.objects.update(next_attempt_at=in_the_past(seconds=1))
    assert len(taking_over.take_over()) == 1
    row.refresh_from_db()
    return (row.next_attempt_at - timezone.now()).total_seconds()


def test_mail_that_costs_one_worker_after_the_other_is_held_back():
    row = make_recipient()
    waits = [lose_a_lease(row) for _ in range(7)]
    assert max(waits[:4]) < 0
    assert waits[4:] == pytest.approx([60, 120, 240], abs=10)


def test_mail_whose_workers_die_of_something_else_goes_again_at_once():
    row = make_recipient()
    for _ in range(3):
        assert max(lose_a_lease(row) for _ in range(4)) < 0
        Recipient.objects.update(next_attempt_at=in_the_past(seconds=1))
        token, _ = transitions.claim(1, LEASE)
        deferred = Settlement(row.pk, token, Status.DEFERRED, EventType.DEFER, {"reason": "busy"})
        assert transitions.settle([deferred])


def test_many_deferrals_make_no_lost_lease_wait():
    row = make_recipient(attempts=10)
    transitions.claim(1, LEASE)
    Recipient.objects.update(next_attempt_at=in_the_past(seconds=1))
    taking_over.take_over()
    assert claimed(1) == [row.pk]


def test_lease_is_renewed_only_for_who_holds_it():
    row = make_recipient()
    token, _ = transitions.claim(1, 5)
    assert transitions.renew(token, [row.pk], 600) == {row.pk}
    row.refresh_from_db()
    assert row.next_attempt_at > timezone.now() + timedelta(seconds=500)
    assert transitions.renew(uuid.uuid4(), [row.pk], 600) == set()


def test_what_is_given_back_counts_as_not_tried():
    row = make_recipient()
    token, _ = transitions.claim(1, LEASE)
    assert giving_back.give_back([Unsent(row.pk, token)]) == 1
    row.refresh_from_db()
    assert (row.status, row.attempts, row.ambiguous) == (Status.QUEUED, 0, False)
    assert claimed(1) == [row.pk]


def test_each_of_those_given_back_is_due_after_a_wait_of_its_own():
    rows = [make_recipient() for _ in range(3)]
    token, _ = transitions.claim(3, LEASE)
    waits = [0, 100, 1000]
    unsent = [Unsent(row.pk, token, wait) for row, wait in zip(rows, waits, strict=True)]
    now = timezone.now()
    assert giving_back.give_back(unsent) == 3
    for row, wait in zip(rows, waits, strict=True):
        row.refresh_from_db()
        assert abs(row.next_attempt_at - now - timedelta(seconds=wait)) < timedelta(seconds=30)
    assert claimed(3) == [rows[0].pk]


def test_only_who_holds_a_recipient_gives_it_back():
    mine, other = make_recipient(), make_recipient()
    token, _ = transitions.claim(1, LEASE)
    unsent = [Unsent(mine.pk, token), Unsent(other.pk, token), Unsent(mine.pk, uuid.uuid4())]
    assert giving_back.give_back(unsent) == 1
    assert giving_back.give_back([Unsent(mine.pk, token)]) == 0
    other.refresh_from_db()
    assert (other.status, other.attempts) == (Status.QUEUED, 0)


def test_many_outcomes_are_settled_in_one_call():
    rows = [make_recipient() for _ in range(5)]
    token, _ = transitions.claim(5, LEASE)
    stranger = Settlement(rows[0].pk, uuid.uuid4(), Status.BOUNCED, EventType.BOUNCE)
    settled = transitions.settle([stranger, *(delivered(row.pk, token) for row in rows[1:])])
    assert settled == {(row.pk, token) for row in rows[1:]}
    assert Recipient.objects.get(pk=rows[0].pk).status == Status.SENDING


@pytest.mark.services
def test_settlement_reads_only_the_rows_that_it_settles():
    first = make_recipient()
    Recipient.objects.bulk_create(
        Recipient(
            email_id=first.email_id,
            project_id=first.project_id,
            kind=first.kind,
            address=f"{number}@example.org",
            status=Status.QUEUED,
            next_attempt_at=first.next_attempt_at,
            priority=first.priority,
        )
        for number in range(3000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE recipients")
    for _ in range(10):  # planned for these values a few times, then for all
        token, taken = transitions.claim(20, LEASE)
        before = rows_read_in_scans()
        outcomes = [delivered(row.recipient_id, token) for row in taken]
        assert len(transitions.settle(outcomes)) == 20
        assert rows_read_in_scans() == before


def rows_read_in_scans():
    asked = "SELECT seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'recipients'"
    with connection.cursor() as cursor:
        return cursor.execute(asked).fetchone()[0]


@pytest.mark.parametrize("stale_first", [True, False])
def test_of_two_outcomes_of_one_recipient_only_the_holder_of_the_lease_settles(stale_first):
    row = make_recipient()
    token, _ = transitions.claim(1, LEASE)
    stale = Settlement(row.pk, uuid.uuid4(), Status.BOUNCED, EventType.BOUNCE)
    outcomes = [stale, delivered(row.pk, token)]
    settled = transitions.settle(outcomes if stale_first else outcomes[::-1])
    assert settled == {(row.pk, token)}
    assert not EmailEvent.objects.filter(type=EventType.BOUNCE).exists()
