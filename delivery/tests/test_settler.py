"""Outcomes that the database refuses."""

import threading
import time
import uuid

import pytest

from delivery import claim
from delivery.settler import Settler, Verdict
from delivery.tests.waiting import wait_until
from emails.models import EmailEvent, EventType, Status
from emails.tests.factories import make_email
from emails.transitions import Settlement

pytestmark = pytest.mark.django_db(transaction=True)


def tell(what):
    what()


def settler_of(call=tell, *, idle=True, silent=True):
    """Return a settler for who is so for ever, or until the event that is given."""
    return Settler(call, event(idle), event(silent))


def event(is_set):
    if isinstance(is_set, threading.Event):
        return is_set
    made = threading.Event()
    if is_set:
        made.set()
    return made


def counting(commits):
    """Return what tells, and writes down how many were told at once."""
    return lambda what: (commits.append(len(what.args[0])), what())


def outcome_of(delivery, token=None):
    return Settlement(
        delivery.recipient.recipient_id,
        token or delivery.lease.token,
        Status.DELIVERED,
        EventType.DELIVER,
    )


def test_outcome_of_a_lost_lease_is_too_late_though_its_successor_settles_in_the_same_commit():
    make_email()
    [delivery] = claim.claim(1, 30)
    stale, current = [], []
    settler = settler_of()
    settler.settle(outcome_of(delivery, uuid.uuid4()), stale.append)
    settler.settle(outcome_of(delivery), current.append)
    settler.start()
    settler.stop(5)
    assert (stale, current) == ([Verdict.TOO_LATE], [Verdict.SETTLED])


@pytest.mark.services
def test_outcome_is_recorded_without_what_cannot_be_stored():
    make_email()
    make_email()
    deliveries = claim.claim(2, 30)
    verdicts = []
    settler = settler_of()
    settler.start()
    for delivery, said in zip(deliveries, ("\0", "250 OK"), strict=True):
        outcome = Settlement(
            delivery.recipient.recipient_id,
            delivery.lease.token,
            Status.DELIVERED,
            EventType.DELIVER,
            {"detail": said},
        )
        settler.settle(outcome, verdicts.append)
    settler.stop(5)
    assert verdicts == [Verdict.SETTLED, Verdict.SETTLED]
    details = EmailEvent.objects.filter(type=EventType.DELIVER).values_list("data", flat=True)
    assert {detail.get("detail") for detail in details} == {None, "250 OK"}


def test_settler_goes_on_after_what_follows_a_settlement_broke_off():
    make_email()
    make_email()
    verdicts = []
    settler = settler_of()
    settler.start()
    for delivery, then in zip(claim.claim(2, 30), (lambda _: 1 / 0, verdicts.append), strict=True):
        settler.settle(outcome_of(delivery), then)
    settler.stop(5)
    assert verdicts == [Verdict.SETTLED]
    assert EmailEvent.objects.filter(type=EventType.DELIVER).count() == 2


def test_outcomes_gather_while_those_who_hand_in_have_other_work(monkeypatch):
    monkeypatch.setattr("delivery.settler.MORE_SECONDS", 60)
    for _ in range(6):
        make_email()
    deliveries = claim.claim(6, 30)
    commits, is_idle = [], event(False)
    settler = settler_of(counting(commits), idle=is_idle, silent=False)
    verdicts = []

    def hand_in(count):
        for _ in range(count):
            settler.settle(outcome_of(deliveries.pop()), verdicts.append)

    hand_in(2)
    settler.start()
    wait_until(lambda: commits == [2])  # nobody waits for more where nothing was seen to come
    hand_in(3)
    time.sleep(0.1)
    hand_in(1)
    assert commits == [2]
    is_idle.set()
    wait_until(lambda: commits == [2, 4])
    settler.stop(5)
    assert verdicts == [Verdict.SETTLED] * 6


def test_outcomes_wait_for_no_more_where_none_can_come(monkeypatch):
    monkeypatch.setattr("delivery.settler.GATHER_SECONDS", 60)
    for _ in range(5):
        make_email()
    deliveries = claim.claim(5, 30)
    commits, verdicts, silent = [], [], event(False)
    settler = settler_of(counting(commits), silent=silent)
    for delivery in deliveries[:2]:
        settler.settle(outcome_of(delivery), verdicts.append)
    settler.start()
    wait_until(lambda: commits == [2])
    for delivery in deliveries[2:]:
        settler.settle(outcome_of(delivery), verdicts.append)
    time.sleep(0.1)
    assert commits == [2]
    silent.set()
    wait_until(lambda: commits == [2, 3])
    settler.stop(5)
    assert verdicts == [Verdict.SETTLED] * 5
