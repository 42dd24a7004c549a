"""A process that shares with nobody keeps to the limits."""

import threading

import pytest

from delivery.destinations import tallies
from delivery.destinations.directory import Directory
from delivery.destinations.level import RISE_SECONDS
from delivery.destinations.local import LocalBudget
from delivery.destinations.tests.clock import Clock
from delivery.transports.budget import Limits

HOST = "mx.example.org"


def make_budget(rows=None, clock=None):
    budget = LocalBudget(clock or Clock())
    budget.follow(Directory({"example.org": Limits(4, 10, 60)} | (rows or {})))
    return budget


def open_all(budget, host=HOST, most=100):
    return sum(budget.open(host) for _ in range(most))


def test_connections_of_all_hosts_of_a_destination_are_counted_together():
    budget = make_budget()
    assert budget.open("mx1.example.org")
    assert open_all(budget, "mx2.example.org") == 3
    assert not budget.open("mx1.example.org")
    budget.closed("mx2.example.org")
    assert budget.open("mx1.example.org")


def test_giving_back_what_was_not_taken_makes_no_room():
    budget = make_budget()
    open_all(budget)
    budget.closed("mx9.example.org")
    assert not budget.open(HOST)


def test_overload_halves_connections_and_mails_and_success_brings_them_back():
    clock = Clock()
    budget = make_budget(clock=clock)
    open_all(budget)
    budget.overloaded(HOST)
    assert budget.limits(HOST) == Limits(2, 10, 30)
    assert budget.excess(HOST) == 2
    budget.closed(HOST), budget.closed(HOST)
    assert (budget.excess(HOST), budget.open(HOST)) == (0, False)
    for _ in range(2):
        clock.now += RISE_SECONDS
        budget.served(HOST), budget.served(HOST), budget.served(HOST)
    assert budget.limits(HOST) == Limits(4, 10, 60)
    assert open_all(budget) == 2


def test_mails_wait_for_their_minute_and_then_go():
    clock = Clock()
    budget = make_budget(clock=clock)
    went = 0
    while not (wait := budget.wait(HOST)):
        went += 1
    assert 1 <= went <= 60
    clock.now += wait
    assert budget.wait(HOST) == 0.0
    assert budget.wait(HOST) > 0


def test_without_a_limit_mails_never_wait():
    budget = make_budget({"example.org": Limits(1, 1, None)})
    assert {budget.wait(HOST) for _ in range(10_000)} == {0.0}


def test_connections_follow_when_staff_split_a_destination_or_join_two():
    budget = make_budget({"other.test": Limits(3, 10)})
    assert open_all(budget, "a.example.org", 2) == 2
    budget.follow(Directory({"a.example.org": Limits(5, 10), "example.org": Limits(4, 10)}))
    assert open_all(budget, "a.example.org") == 3
    assert open_all(budget, "b.example.org") == 4
    budget.follow(Directory({"example.org": Limits(8, 10)}))
    assert budget.excess(HOST) == 1
    for _ in range(5):
        budget.closed("a.example.org")
    assert open_all(budget, HOST) == 4


def test_limits_that_staff_change_hold_for_what_is_open_already():
    budget = make_budget()
    open_all(budget)
    budget.follow(Directory({"example.org": Limits(6, 10)}))
    assert open_all(budget) == 2
    budget.follow(Directory({"example.org": Limits(1, 10)}))
    assert budget.excess(HOST) == 5


def test_thousands_of_hosts_are_forgotten_and_those_in_use_are_not(monkeypatch):
    monkeypatch.setattr(tallies, "MOST_KEPT", 50)
    budget = make_budget()
    open_all(budget)
    budget.overloaded("low.test")
    for number in range(1000):
        budget.open(f"mx{number}.test")
        budget.closed(f"mx{number}.test")
    assert len(budget._tallies._hosts) <= 52
    assert len(budget._tallies.all()) <= 52
    assert not budget.open(HOST)
    assert budget.limits("low.test").connections == 5


def test_waits_are_counted_beyond_the_memory_of_a_host(monkeypatch):
    monkeypatch.setattr(tallies, "MOST_KEPT", 50)
    budget = make_budget({"*": Limits(1, 1)})
    for number in range(1000):
        assert [budget.open(f"mx{number}.test"), budget.open(f"mx{number}.test")] == [True, False]
        budget.closed(f"mx{number}.test")
    assert budget.refusals()["others"] == 1000


@pytest.mark.parametrize("threads", [8])
def test_threads_together_never_hold_more_than_the_limit(threads):
    budget = make_budget()
    held, most, lock = 0, 0, threading.Lock()

    def work():
        nonlocal held, most
        for _ in range(2000):
            if budget.open(HOST):
                with lock:
                    held += 1
                    most = max(most, held)
                with lock:
                    held -= 1
                budget.closed(HOST)

    crew = [threading.Thread(target=work) for _ in range(threads)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    assert 1 <= most <= 4
    assert open_all(budget) == 4
