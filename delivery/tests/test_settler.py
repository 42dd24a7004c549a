"""Outcomes that the database refuses."""

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


@pytest.fixture
def deliveries():
    for _ in range(6):
        make_email()
    return claim.claim(6, 30)


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
    settler = Settler(tell)
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
    settler = Settler(tell)
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
    settler = Settler(tell)
    settler.start()
    for delivery, then in zip(claim.claim(2, 30), (lambda _: 1 / 0, verdicts.append), strict=True):
        settler.settle(outcome_of(delivery), then)
    settler.stop(5)
    assert verdicts == [Verdict.SETTLED]
    assert EmailEvent.objects.filter(type=EventType.DELIVER).count() == 2


def test_outcomes_that_come_while_a_commit_goes_on_share_the_next(deliveries):
    commits, verdicts, called = [], [], []
    settler = Settler(called.append)

    def hand_in(count):
        for _ in range(count):
            settler.settle(outcome_of(deliveries.pop()), verdicts.append)

    def go_on():
        """Do what was called for, as the thread of those who hand in does between its duties."""
        wait_until(lambda: len(called) >= 2)
        counting(commits)(called.pop(0))
        called.pop(0)()

    settler.start()
    hand_in(1)
    settler.look(idle=True, silent=True)
    hand_in(3)
    settler.look(idle=True, silent=True)
    go_on()
    settler.look(idle=True, silent=True)
    go_on()
    assert commits == [1, 3]
    hand_in(2)
    assert 0 < settler.look(idle=False, silent=False) < 1
    settler.look(idle=True, silent=True)
    go_on()
    assert commits == [1, 3, 2]
    assert verdicts == [Verdict.SETTLED] * 6


def test_settler_writes_what_has_gathered_before_it_ends(deliveries):
    verdicts = []
    settler = Settler(tell)
    settler.start()
    for delivery in deliveries:
        settler.settle(outcome_of(delivery), verdicts.append)
    settler.stop(5)
    assert verdicts == [Verdict.SETTLED] * 6
    assert EmailEvent.objects.filter(type=EventType.DELIVER).count() == 6
