"""The window of connections to one host."""

from hypothesis import given
from hypothesis import strategies as st

from delivery.transports.limiter import START, Limiter


def busy(most=20):
    """A limiter whose places are all taken."""
    limiter = Limiter(most)
    while limiter.free:
        limiter.enter()
    return limiter


def test_it_starts_low():
    assert Limiter(most=20).limit == START
    assert Limiter(most=3).limit == 3


def test_each_window_of_successes_allows_one_more():
    limiter = busy()
    for window in range(START, 20):
        assert limiter.limit == window
        for _ in range(window):
            limiter.succeeded()
        limiter.enter()
    for _ in range(100):
        limiter.succeeded()
    assert limiter.limit == 20


def test_eager_one_allows_one_more_for_each_success_until_the_host_is_overloaded():
    limiter = Limiter(most=100, start=4, eager=True)
    eras = [limiter.enter() for _ in range(12)]
    for _ in range(8):
        limiter.succeeded()
    assert limiter.limit == 12
    limiter.overloaded(eras[0])
    assert limiter.limit == 6
    for _ in range(6):
        assert limiter.limit == 6
        limiter.succeeded()
    assert limiter.limit == 7


def test_host_with_little_to_do_proves_little():
    limiter = Limiter(most=100)
    limiter.enter()
    for _ in range(1000):
        limiter.succeeded()
    assert limiter.limit == START + 1


def test_one_storm_halves_once():
    limiter = Limiter(most=20, start=16)
    eras = [limiter.enter() for _ in range(16)]
    for era in eras:
        limiter.overloaded(era)
    assert limiter.limit == 8
    limiter.overloaded(limiter.enter())
    assert limiter.limit == 4


def test_restart_begins_low_and_outlives_storms_of_before():
    limiter = busy()
    limiter.overloaded(before := limiter.era)
    limiter.restart()
    limiter.overloaded(before)
    assert limiter.limit == START


@given(
    st.integers(1, 50),
    st.integers(1, 50),
    st.lists(st.sampled_from(["enter", "leave", "succeeded", "overloaded", "restart"])),
)
def test_window_stays_within_its_bounds_whatever_happens(most, start, happenings):
    limiter = Limiter(most, start)
    inside = []
    for happening in happenings:
        before = limiter.limit
        if happening == "enter" and limiter.free:
            inside.append(limiter.enter())
        elif happening == "leave" and inside:
            inside.pop(0)
            limiter.leave()
        elif happening == "overloaded" and inside:
            limiter.overloaded(inside[0])
        elif happening in ("succeeded", "restart"):
            getattr(limiter, happening)()
        assert 1 <= limiter.limit <= most
        assert limiter.limit <= before + 1 or happening == "restart"
        assert limiter.in_use == len(inside)
