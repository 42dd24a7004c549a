"""How often the other workers are called."""

from itertools import pairwise

import pytest

from delivery.calling import LONGEST_PAUSE, Calling


@pytest.fixture
def rung():
    return []


@pytest.fixture
def calling(rung):
    return Calling(lambda: rung.append(True))


def test_others_are_called_at_once_and_again_after_all_was_taken(calling, rung):
    calling.more_waits(5.0)
    assert len(rung) == 1
    calling.more_waits(7.0)
    calling.more_waits(7.1)
    assert len(rung) == 2
    calling.nothing_waits()
    calling.more_waits(7.2)
    assert len(rung) == 3


def test_others_are_called_often_at_first_and_less_and_less(calling, rung):
    called = []
    for step in range(480):  # a minute of claims
        calling.more_waits(100 + step / 8)
        if len(rung) > len(called):
            called.append(step / 8)
    assert called[:4] == [0, 0.125, 0.25, 0.375]
    assert sum(moment < 2 for moment in called) >= 8
    later = [moment for moment in called if moment > 10]
    pauses = [after - before for before, after in pairwise(later)]
    assert min(pauses) >= LONGEST_PAUSE
    assert max(pauses) <= LONGEST_PAUSE + 0.2
