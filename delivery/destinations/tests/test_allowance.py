"""So many mails a minute, however the minutes lie."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.destinations.allowance import HELD_SECONDS, Bucket, rate_of


@pytest.mark.parametrize("limit", [1, 2, 7, 59, 60, 61, 120, 600, 6000])
def test_no_60_seconds_see_more_than_the_limit_and_hardly_less(limit):
    rate, bucket, time, went = rate_of(limit), Bucket(), 1000.0, []
    while time < 1400:
        wait = bucket.take(rate, time)
        if wait:
            time += wait
        else:
            went.append(time)
    for first, begins in enumerate(went):
        within = [moment for moment in went[first:] if moment < begins + 60]
        assert len(within) <= limit
    assert len(went) >= 400 / 62 * limit * 0.9


@given(st.integers(1, 300), st.lists(st.floats(0, 5), max_size=300))
def test_mails_that_are_held_for_a_while_stay_within_the_limit_too(limit, pauses):
    """What was taken goes HELD_SECONDS later, the worst that a process may do."""
    rate, bucket, time, went = rate_of(limit), Bucket(), 1000.0, []
    for number, pause in enumerate(pauses):
        time += pause
        while not bucket.take(rate, time):
            went.append(time + (HELD_SECONDS if number % 2 else 0))
    went.sort()
    for first, begins in enumerate(went):
        assert sum(moment < begins + 60 for moment in went[first:]) <= limit


def test_wait_is_exact():
    rate, bucket = rate_of(60), Bucket()
    while not (wait := bucket.take(rate, 1000.0)):
        pass
    assert bucket.take(rate, 1000.0 + wait - 0.01) == pytest.approx(0.01)
    assert bucket.take(rate, 1000.0 + wait) == 0.0
