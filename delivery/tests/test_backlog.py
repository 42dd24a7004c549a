"""When mail that found no place is to come again."""

import pytest

from delivery.transports.backlog import (
    EARLY,
    GUESS,
    IN_VAIN,
    JITTER,
    LEAST,
    MOST,
    SOON,
    STILL_MOST,
    STILL_SPREAD,
    Backlog,
)


def busy(seconds, now=1000.0):
    """A host that takes a mail in so many seconds, known for long, and that took one just now."""
    backlog = Backlog()
    backlog.taken(1.0)
    backlog.taken(now)
    backlog.left(seconds)
    return backlog


def about(expected):
    return pytest.approx(expected, rel=JITTER + 0.15, abs=0.6)


def test_mails_come_back_as_fast_as_the_host_takes_them():
    backlog = busy(0.5)
    waits = [backlog.wait(1000.0, places=5) for _ in range(1000)]
    assert waits[0] <= 2 * LEAST
    assert waits[79] == about(8)


def test_many_mails_come_back_before_their_turn_and_not_all_at_once():
    backlog = busy(10.0)
    waits = [backlog.wait(1000.0, places=1) for _ in range(1000)]
    assert waits[99] == about(SOON)
    assert waits[999] == about(1000 / IN_VAIN)


def test_allowance_for_mails_a_second_is_heeded():
    backlog = busy(0.001)
    waits = [backlog.wait(1000.0, 10, per_second=1.0) for _ in range(100)]
    assert waits[-1] == about(100)


def test_those_sent_off_have_their_turn_as_time_passes():
    backlog = busy(0.5)
    waits = [backlog.wait(1000.0, places=5) for _ in range(80)]
    backlog.taken(1001.0)
    assert backlog.wait(1001.0, places=5) == about(7)
    backlog.taken(1001 + max(waits))
    assert backlog.wait(1001 + max(waits), places=5) <= 2 * LEAST


def test_no_mail_waits_for_ever():
    backlog = busy(10.0)
    waits = [backlog.wait(1000.0, places=1) for _ in range(100_000)]
    assert max(waits) <= MOST * (1 + JITTER) + 5


def test_unknown_host_is_expected_to_be_fast():
    backlog = Backlog()
    backlog.taken(1000.0)
    waits = [backlog.wait(1000.1, places=10) for _ in range(100)]
    assert waits[-1] <= max(100 * GUESS, LEAST) * 2


@pytest.mark.parametrize("stood", [2.0, 10.0, 20.0])
def test_host_that_stands_still_gets_its_mail_back_slower_and_slower(stood):
    backlog = Backlog()
    backlog.taken(1000.0)
    waits = [backlog.wait(1000.0 + stood, places=10) for _ in range(1000)]
    assert min(waits) >= stood * (1 - JITTER)
    assert max(waits) <= stood * STILL_SPREAD * (1 + JITTER) + 5
    assert sum(waits) / 1000 == about(stood * (1 + STILL_SPREAD) / 2)


def test_host_at_which_only_others_hold_places_is_not_seen_to_stand_still():
    backlog = Backlog()
    backlog.taken(1000.0)
    backlog.left(0.1)
    waits = [backlog.wait(1040.0, places=1, holds_any=False) for _ in range(20)]
    assert max(waits) <= 20 * 0.1 * 1.15 + LEAST
    waits = [backlog.wait(1040.0, places=1) for _ in range(20)]
    assert sum(waits) / 20 > 30


def test_mail_for_a_host_that_stands_still_for_long_comes_back_about_once_a_minute():
    backlog = Backlog()
    backlog.taken(1000.0)
    waits = [backlog.wait(1600.0, places=10) for _ in range(1000)]
    assert max(waits) <= STILL_MOST * (1 + JITTER) + 1
    assert min(waits) >= STILL_MOST / 2 * (1 - JITTER)


def test_a_hundred_thousand_mails_for_a_tarpit_ask_for_few_places_in_vain():
    """MOST bounds their wait, so that they are more than IN_VAIN a second, but not thousands."""
    backlog = Backlog()
    backlog.taken(1000.0)
    waits = [backlog.wait(1200.0, places=10) for _ in range(100_000)]
    assert sum(1 / wait for wait in waits) < 200
    assert max(waits) <= MOST * (1 + JITTER) + 1
    again = [backlog.wait(1200.0, places=10) for _ in range(1000)]  # with all others still away
    assert sum(1 / wait for wait in again) < 2


@pytest.mark.parametrize("stood", [20.0, 60.0])
def test_no_mail_is_sent_off_for_long_by_a_host_that_has_not_stood_still_for_long(stood):
    backlog = Backlog()
    backlog.taken(1000.0)
    waits = [backlog.wait(1000.0 + stood, places=10) for _ in range(20_000)]
    assert max(waits) <= EARLY * stood * (1 + JITTER) + 1


def test_waits_are_few_so_that_many_mails_share_a_wait():
    backlog = busy(0.5)
    waits = [backlog.wait(1000.0, places=1) for _ in range(2000)]
    assert len(set(waits)) < 700


def test_waits_of_equal_mails_are_spread():
    waits = set()
    for _ in range(50):
        backlog = busy(100.0)
        waits.add(backlog.wait(1000.0, places=1))
    assert len(waits) > 3


def test_little_is_made_of_what_was_seen_for_a_moment():
    backlog = Backlog()
    backlog.taken(1000.0)
    backlog.left(0.5)
    waits = [backlog.wait(1000.5, places=1) for _ in range(1000)]
    assert max(waits) <= (1 + EARLY * 0.5) * (1 + JITTER) + 0.25
