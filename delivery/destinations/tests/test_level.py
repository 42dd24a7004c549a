"""How much of its limit a destination bears, found out by feedback."""

from hypothesis import given
from hypothesis import strategies as st

from delivery.destinations.level import FORGIVEN_SECONDS, RISE_SECONDS, STORM_SECONDS, Level


def test_it_begins_at_the_limit():
    assert Level(20).now(1000) == 20


def test_storm_halves_once_and_the_next_one_again():
    level = Level(20)
    assert [level.overloaded(1000 + n / 10) for n in range(10)] == [True] + [False] * 9
    assert level.now(1001) == 10
    assert level.overloaded(1000 + STORM_SECONDS)
    assert level.now(1010) == 5


def test_it_never_falls_below_one_connection():
    level = Level(3)
    for storm in range(10):
        level.overloaded(1000 + storm * STORM_SECONDS)
    assert level.now(1100) == 1


def test_success_without_time_and_time_without_success_lift_nothing():
    level = Level(10)
    level.overloaded(1000)
    level.served(1001, mails=10_000)
    assert level.now(1001) == 5
    level.overloaded(1010)
    level.served(1010 + 10 * RISE_SECONDS, mails=1)
    assert level.now(1010 + 10 * RISE_SECONDS) == 2


def test_it_comes_up_by_steps_to_the_limit():
    level, seen = Level(40), []
    level.overloaded(1000)
    for time in range(1000, 1400):
        level.served(time, mails=50)
        seen.append(level.now(time))
    assert sorted(set(seen)) == [*range(20, 41, 2)]
    assert seen == sorted(seen)


def test_hour_without_trouble_forgives():
    level = Level(10)
    level.overloaded(1000)
    assert level.now(1000 + FORGIVEN_SECONDS) == 5
    assert level.now(1001 + FORGIVEN_SECONDS) == 10


def test_limit_of_staff_lifts_what_was_not_lowered():
    level = Level(10)
    level.allow(15)
    assert level.now(1000) == 15
    level.overloaded(1000)
    level.allow(30)
    assert level.now(1001) == 7
    level.allow(3)
    assert level.now(1001) == 3


@given(
    st.integers(1, 50),
    st.lists(st.tuples(st.floats(0, 30), st.sampled_from(["overloaded", "served", "allow"]))),
)
def test_level_stays_within_its_bounds_whatever_happens(most, happenings):
    level, time = Level(most), 1000.0
    for seconds, happening in happenings:
        time += seconds
        if happening == "allow":
            most = most % 17 + 1
            level.allow(most)
        else:
            getattr(level, happening)(time)
        assert 1 <= level.now(time) <= most
