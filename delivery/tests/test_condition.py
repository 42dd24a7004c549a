"""One condition variable, for threads and for tasks."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

import pytest

from delivery.condition import Condition, Happening, Turn
from delivery.hub import Hub
from delivery.smtp.waiting import WAITER
from delivery.tests.waiting import wait_until


def in_threads(function):
    threading.Thread(target=function, daemon=True).start()


@pytest.fixture(params=["threads", "tasks"])
def begin(request) -> Iterator[object]:
    """Begins a function in a thread, or in a task."""
    if request.param == "threads":
        yield in_threads
        return
    hub = Hub()
    hub.start()
    yield lambda function: hub.post(partial(hub.spawn, function))
    hub.stop(5)


class Waiting:
    """Those who wait at a condition, and what they were told."""

    def __init__(self, begin, count, seconds=10):
        self.condition, self.told, self.there = Condition(), [], 0
        for number in range(count):
            begin(partial(self._wait, number, seconds))
            wait_until(lambda number=number: self.there > number)

    def _wait(self, number, seconds):
        with self.condition:
            self.there += 1
            self.told.append((number, self.condition.wait(seconds)))

    def notify(self, *count):
        with self.condition:
            self.condition.notify(*count)


def test_those_on_their_way_are_not_called_once_more_for_the_same(begin):
    waiting = Waiting(begin, 4)
    with waiting.condition:
        for there_are in (1, 2, 2):
            waiting.condition.notify_up_to(there_are)
    wait_until(lambda: sorted(waiting.told) == [(0, True), (1, True)])
    with waiting.condition:
        waiting.condition.notify_up_to(1)
    wait_until(lambda: sorted(waiting.told)[2:] == [(2, True)])
    waiting.notify()


def test_those_who_waited_longest_are_notified_first(begin):
    waiting = Waiting(begin, 4)
    waiting.notify()
    wait_until(lambda: waiting.told == [(0, True)])
    waiting.notify(2)
    wait_until(lambda: sorted(waiting.told) == [(0, True), (1, True), (2, True)])
    with waiting.condition:
        waiting.condition.notify_all()
    wait_until(lambda: len(waiting.told) == 4)


def test_who_is_not_notified_in_time_is_told_so_and_waits_no_more(begin):
    waiting = Waiting(begin, 1, seconds=0.01)
    wait_until(lambda: waiting.told == [(0, False)])
    waiting.notify()
    with waiting.condition:
        assert not waiting.condition.wait(0.01)


def test_more_notifications_than_waiters_are_kept_for_nobody(begin):
    waiting = Waiting(begin, 1)
    waiting.notify(5)
    wait_until(lambda: waiting.told == [(0, True)])
    with waiting.condition:
        assert not waiting.condition.wait(0.01)


def test_lock_is_held_after_waiting_and_by_one_at_a_time(begin):
    condition, inside, most, done = Condition(), [], [], []

    def work():
        for _ in range(50):
            with condition:
                condition.wait(0.0001)
                inside.append(True)
                most.append(len(inside))
                inside.pop()
                condition.notify_all()
        done.append(True)

    begin(work)
    begin(work)
    in_threads(work)
    wait_until(lambda: len(done) == 3)
    assert max(most) == 1


def test_tasks_and_threads_meet_at_one_condition(begin):
    condition, seen = Condition(), []

    def turn(mine, other):
        for _ in range(20):
            with condition:
                while seen[-1:] == [mine]:
                    condition.wait(10)
                seen.append(mine)
                condition.notify_all()

    begin(partial(turn, "a", "b"))
    in_threads(partial(turn, "b", "a"))
    wait_until(lambda: len(seen) == 40)
    assert seen in (["a", "b"] * 20, ["b", "a"] * 20)


def test_turn_is_kept_while_one_waits_and_taken_by_one_after_the_other(begin):
    turn, inside, most, done = Turn(), [], [], []

    def work():
        for _ in range(20):
            with turn:
                inside.append(True)
                most.append(len(inside))
                WAITER.get().baton().wait(0.001)
                inside.pop()
        done.append(True)

    for _ in range(3):
        begin(work)
    in_threads(work)
    wait_until(lambda: len(done) == 4)
    assert (max(most), len(most)) == (1, 80)


def test_turn_of_one_that_broke_off_is_another_s(begin):
    turn, done = Turn(), []

    def breaks():
        with suppress(ZeroDivisionError), turn:
            WAITER.get().elsewhere(lambda: 1 / 0)
        done.append(True)

    begin(breaks)
    begin(breaks)
    wait_until(lambda: done == [True, True])


def test_what_happens_lets_all_go_on_who_wait_for_it_then_or_later(begin):
    happening, told = Happening(), []
    for _ in range(2):
        begin(lambda: told.append(happening.wait(10)))
    assert not happening.wait(0.01)
    happening.set()
    wait_until(lambda: told == [True, True])
    assert happening.wait(0.01)
