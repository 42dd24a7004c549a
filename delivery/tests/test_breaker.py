"""When a host is left alone, and when it is tried again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.transports.breaker import Breaker


def opened(at=0.0):
    breaker = Breaker(5, 120)
    breaker.failed(at, breaker.enter(), enough=1)
    return breaker


def test_some_failures_in_a_row_open_it():
    breaker = Breaker()
    breaker.failed(0, False, enough=3)
    breaker.failed(0, False, enough=3)
    breaker.reached(False)
    breaker.failed(0, False, enough=3)
    breaker.failed(0, False, enough=3)
    assert breaker.allows(0)
    breaker.failed(0, False, enough=3)
    assert not breaker.allows(0)


def test_pauses_double_up_to_the_longest():
    breaker, now, pauses = opened(), 0.0, []
    for _ in range(7):
        pauses.append(breaker.pause)
        assert not breaker.allows(now + breaker.pause - 0.01)
        now += breaker.pause
        assert breaker.allows(now)
        breaker.failed(now, breaker.enter(), enough=1)
    assert pauses == [5, 10, 20, 40, 80, 120, 120]


def test_one_probe_goes_at_a_time():
    breaker = opened()
    assert breaker.enter()
    assert not breaker.allows(1000)
    breaker.reached(True)
    assert breaker.allows(1000)
    assert not breaker.enter()


def test_probe_that_tells_nothing_lets_the_next_one_go():
    breaker = opened()
    breaker.enter()
    breaker.leave()
    assert not breaker.allows(4.9)
    assert breaker.allows(5)


@pytest.mark.parametrize("word", [lambda b: b.failed(1, False, 1), lambda b: b.reached(False)])
def test_what_began_before_the_pause_changes_nothing(word):
    breaker = opened()
    word(breaker)
    assert (breaker.is_open, breaker.next_probe()) == (True, 5)


def test_pauses_begin_short_again_after_a_recovery():
    breaker = opened()
    breaker.failed(5, breaker.enter(), enough=1)
    breaker.reached(breaker.enter())
    breaker.failed(100, breaker.enter(), enough=1)
    assert breaker.pause == 5


@given(st.lists(st.sampled_from(["go", "fail", "reach", "leave", "wait"])))
def test_an_open_breaker_lets_one_go_and_always_lets_somebody_go_in_the_end(happenings):
    breaker, now, probes = Breaker(), 0.0, 0
    for happening in happenings:
        if happening == "wait":
            now += 60
        elif happening == "go" and breaker.allows(now):
            probes += breaker.enter()
        elif happening == "fail":
            breaker.failed(now, bool(probes), enough=2)
            probes = 0
        elif happening == "reach":
            breaker.reached(bool(probes))
            probes = 0
        elif happening == "leave" and probes:
            breaker.leave()
            probes = 0
        assert probes <= 1
        assert breaker.allows(now + 120) or probes
