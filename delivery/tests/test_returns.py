"""Recipients to which nothing was sent, on their way back."""

import math
import time

import pytest

from delivery import claim
from delivery.returns import GATHER_SECONDS, MOST, Returns, unsent
from emails.tests.factories import make_email

pytestmark = pytest.mark.django_db


def test_what_goes_back_gathers_for_a_moment_from_the_first_on():
    returns = Returns()
    assert returns.seconds_left() == math.inf
    assert returns.add("first", 5)
    assert not returns.add("second", 5)
    assert 0 < returns.seconds_left() <= GATHER_SECONDS
    time.sleep(GATHER_SECONDS)
    assert returns.seconds_left() == 0


def test_many_do_not_gather_for_long():
    returns = Returns()
    told = [number for number in range(1, 2 * MOST) if returns.add(number, 5)]
    assert told == [1, MOST]
    assert returns.seconds_left() == 0
    assert len(returns.take()) == 2 * MOST - 1
    assert returns.seconds_left() == math.inf


def test_time_of_gathering_is_part_of_the_wait():
    make_email()
    [delivery] = claim.claim(1, 30)
    returns = Returns()
    returns.add(delivery, 5)
    time.sleep(0.1)
    [row] = returns.take()
    assert unsent(*row).wait <= 4.9
    assert unsent(delivery, time.monotonic() - 1).wait == 0


def test_what_could_not_be_given_back_is_kept():
    returns = Returns()
    returns.add("first", 5)
    returns.put_back(returns.take())
    assert returns.seconds_left() <= GATHER_SECONDS
    assert [name for name, _ in returns.take()] == ["first"]


def test_what_was_given_back_is_known_to_be_due_again_once_and_not_before():
    returns, begins = Returns(), time.monotonic()
    assert returns.seconds_until_due() == math.inf
    rows = [("soon", begins + 0.3), ("with it", begins + 0.3), ("far", begins + 60)]
    returns.gave_back(rows, begins)
    assert not returns.are_due()
    time.sleep(returns.seconds_until_due())
    assert time.monotonic() > begins + 0.3
    assert returns.are_due()
    assert not returns.are_due()
    assert returns.seconds_until_due() == math.inf


def test_database_that_was_slow_to_hear_of_it_is_asked_later():
    returns, now = Returns(), time.monotonic()
    returns.gave_back([("slow", now + 1)], since=now - 2)
    assert 3 <= returns.seconds_until_due() + time.monotonic() - now < 3.5
