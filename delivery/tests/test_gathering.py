"""When to commit what has gathered."""

import math

import pytest

from delivery.gathering import MOST_IN_ONE_COMMIT, Gathering

BUSY = {"idle": False, "silent": False}
IDLE = {"idle": True, "silent": False}
SILENT = {"idle": True, "silent": True}


@pytest.fixture(autouse=True)
def long(monkeypatch):
    """So that no test is as slow as what it waits for."""
    monkeypatch.setattr("delivery.gathering.GATHER_SECONDS", 60)
    monkeypatch.setattr("delivery.gathering.MORE_SECONDS", 40)


def gathering_of(*commits):
    """Return one that has seen commits of so many."""
    gathering = Gathering()
    for count in commits:
        for number in range(count):
            gathering.add(number)
        gathering.take()
        gathering.end()
    return gathering


def test_nothing_is_not_committed():
    assert gathering_of(5).seconds_left(**SILENT) == math.inf


@pytest.mark.parametrize("before", [(), (1,), (5, 1)])
def test_single_outcome_waits_for_no_other(before):
    gathering = gathering_of(*before)
    gathering.add("one")
    assert gathering.seconds_left(**BUSY) == 0
    assert gathering.take() == ["one"]


def test_after_many_more_are_waited_for_while_they_can_come():
    gathering = gathering_of(2)
    gathering.add("one")
    assert 99 < gathering.seconds_left(**BUSY) <= 100
    assert 59 < gathering.seconds_left(**IDLE) <= 60
    assert gathering.seconds_left(**SILENT) == 0


def test_more_are_waited_for_no_longer_than_that(monkeypatch):
    monkeypatch.setattr("delivery.gathering.GATHER_SECONDS", 0)
    gathering = gathering_of(2)
    gathering.add("one")
    assert gathering.seconds_left(**IDLE) == 0
    assert gathering.seconds_left(**BUSY) > 39


def test_next_gathers_while_a_commit_goes_on():
    gathering = gathering_of()
    gathering.add("first")
    gathering.take()
    gathering.add("second")
    gathering.add("third")
    assert gathering.seconds_left(**SILENT) == math.inf
    gathering.end()
    assert gathering.seconds_left(**BUSY) == 0  # the first was alone
    assert gathering.take() == ["second", "third"]


def test_one_commit_has_a_bound():
    gathering = gathering_of()
    for number in range(MOST_IN_ONE_COMMIT + 1):
        gathering.add(number)
    assert len(gathering.take()) == MOST_IN_ONE_COMMIT
    gathering.end()
    assert gathering.take() == [MOST_IN_ONE_COMMIT]
