"""Many tasks in one thread: each waits as if it were alone."""

import gc
import os
import socket
import threading
import time
from collections.abc import Iterator
from functools import partial
from select import POLLIN, POLLOUT

import pytest

from delivery.hub import ROW_SECONDS, Hub
from delivery.smtp.waiting import WAITER
from delivery.tests.waiting import wait_until


@pytest.fixture
def hub() -> Iterator[Hub]:
    running = Hub()
    running.start()
    yield running
    running.stop(5)
    assert not any(thread.name == "delivery" for thread in threading.enumerate())


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield ours, theirs


def spawn(hub, *functions):
    for function in functions:
        hub.post(partial(hub.spawn, function))


def test_task_goes_on_when_its_socket_is_ready_while_others_run(hub, pair):
    ours, theirs = pair
    seen = []

    def reads():
        seen.append(WAITER.get().until_ready(ours, POLLIN, 10))
        seen.append(ours.recv(10))

    spawn(hub, reads, lambda: theirs.send(b"hello"))
    wait_until(lambda: seen == [True, b"hello"])


def test_task_waits_for_the_same_socket_again_and_for_another_event(hub, pair):
    ours, theirs = pair
    seen = []

    def talks():
        for _ in range(3):
            WAITER.get().until_ready(ours, POLLIN, 10)
            seen.append(ours.recv(1))
            assert WAITER.get().until_ready(ours, POLLOUT, 10)

    spawn(hub, talks)
    for letter in (b"a", b"b", b"c"):
        theirs.send(letter)
        wait_until(lambda letter=letter: seen[-1:] == [letter])


def test_task_goes_on_when_the_other_side_hangs_up(hub, pair):
    ours, theirs = pair
    seen = []
    spawn(hub, lambda: seen.append(WAITER.get().until_ready(ours, POLLIN, 10)))
    theirs.close()
    wait_until(lambda: seen == [True])


def test_task_that_waits_too_long_is_told_so_and_the_earliest_first(hub, pair):
    ours, _ = pair
    seen = []

    def waits(seconds):
        found = WAITER.get().baton().wait(seconds)
        seen.append((seconds, found))

    spawn(hub, partial(waits, 0.2), partial(waits, 0.05), partial(waits, 0.1))
    spawn(hub, lambda: seen.append(WAITER.get().until_ready(ours, POLLIN, 0.01)))
    wait_until(lambda: seen == [False, (0.05, False), (0.1, False), (0.2, False)])


def test_number_of_a_closed_socket_serves_the_next_one(hub):
    seen = []

    def reads():
        for _ in range(3):
            ours, theirs = socket.socketpair()
            with ours, theirs:
                theirs.send(b"x")
                seen.append((ours.fileno(), WAITER.get().until_ready(ours, POLLIN, 10)))

    spawn(hub, reads)
    wait_until(lambda: len(seen) == 3)
    assert set(seen) == {(seen[0][0], True)}


def test_errands_block_no_other_task_and_bring_back_what_they_found(hub):
    let_go, seen = threading.Event(), []
    many = 20

    def errand():
        seen.append(WAITER.get().elsewhere(lambda: let_go.wait(10)))

    spawn(hub, *[errand] * many, lambda: seen.append("first"))
    wait_until(lambda: seen == ["first"])
    let_go.set()
    wait_until(lambda: seen == ["first", *[True] * many])


def test_error_of_an_errand_is_raised_where_it_was_asked_for(hub):
    seen = []

    def errand():
        try:
            WAITER.get().elsewhere(lambda: 1 / 0)
        except ZeroDivisionError as error:
            seen.append(error)

    spawn(hub, errand)
    wait_until(lambda: seen)


def test_task_that_another_began_aside_waits_beside_it_and_goes_before_what_is_new(hub):
    seen = []

    def begins():
        WAITER.get().aside(lambda: seen.append(WAITER.get().baton().wait(0.05)))
        WAITER.get().aside(partial(seen.append, "aside"))
        seen.append("begun")
        time.sleep(ROW_SECONDS)  # works

    spawn(hub, begins, partial(seen.append, "new"))
    wait_until(lambda: seen == ["begun", "aside", "new", False])


def test_baton_is_passed_on_by_a_thread_a_task_and_what_was_posted(hub):
    batons, seen = {}, []

    def waits(name):
        batons[name] = WAITER.get().baton()
        seen.append((name, batons[name].wait(10)))

    spawn(hub, *(partial(waits, name) for name in ("thread", "task", "posted")))
    wait_until(lambda: len(batons) == 3)
    batons["thread"].pass_on()
    spawn(hub, batons["task"].pass_on)
    hub.post(batons["posted"].pass_on)
    wait_until(lambda: set(seen) == {("thread", True), ("task", True), ("posted", True)})


def test_baton_that_comes_too_late_wakes_nobody_from_what_it_waits_for_next(hub):
    batons, seen = [], []

    def waits():
        batons.append(WAITER.get().baton())
        batons[0].wait(0.01)
        batons.append(WAITER.get().baton())
        seen.append(batons[1].wait(10))

    spawn(hub, waits)
    wait_until(lambda: len(batons) == 2)
    batons[0].pass_on()
    time.sleep(0.05)
    assert seen == []
    batons[1].pass_on()
    wait_until(lambda: seen == [True])


def test_what_breaks_off_stops_no_other(hub, caplog):
    seen = []
    spawn(hub, lambda: 1 / 0)
    hub.post(lambda: 1 / 0)
    spawn(hub, lambda: seen.append(True))
    wait_until(lambda: seen)
    assert caplog.text.count("ZeroDivisionError") == 2


class Panic(BaseException):
    """As one of Rust is (pyo3's PanicException)."""


def test_panic_stops_no_other(hub, caplog):
    def panics():
        raise Panic

    seen = []
    spawn(hub, panics)
    hub.post(panics)
    spawn(hub, lambda: seen.append(True))
    wait_until(lambda: seen)
    assert caplog.text.count("broke off") == 2


def test_posted_from_many_threads_is_done_once_each_and_in_the_order_of_each(hub):
    seen = []

    def posts(name):
        for number in range(500):
            hub.post(partial(seen.append, (name, number)))

    threads = [threading.Thread(target=posts, args=[name]) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_until(lambda: len(seen) == 1500)
    for name in "abc":
        assert [number for whose, number in seen if whose == name] == list(range(500))


def test_what_is_ready_goes_on_before_what_is_new_begins(hub, pair):
    ours, theirs = pair
    theirs.send(b"x")
    seen = []

    def waits():
        WAITER.get().until_ready(ours, POLLIN, 10)
        seen.append("ready")

    def new():
        seen.append("new")
        time.sleep(ROW_SECONDS)  # works

    spawn(hub, waits, *[new] * 10)
    wait_until(lambda: len(seen) == 11)
    assert seen.index("ready") <= 1


def test_new_tasks_come_in_rows_as_far_as_where_they_pause(hub):
    seen = []

    def works(number):
        seen.append(("before", number))
        WAITER.get().pause()
        seen.append(("behind", number))

    hub.post(lambda: [hub.spawn(partial(works, number)) for number in range(3)])
    wait_until(lambda: len(seen) == 6)
    assert seen == [(where, number) for where in ("before", "behind") for number in range(3)]


def test_row_ends_so_that_who_paused_does_not_wait_for_long(hub):
    seen = []

    def works():
        seen.append("before")
        time.sleep(ROW_SECONDS / 3)
        WAITER.get().pause()
        seen.append("behind")

    hub.post(lambda: [hub.spawn(works) for _ in range(20)])
    wait_until(lambda: len(seen) == 40)
    assert 1 <= seen.index("behind") <= 4


def test_hub_says_that_it_is_idle_while_all_tasks_wait(hub, pair):
    ours, theirs = pair
    seen = []

    def works():
        seen.append(hub.idle.is_set())
        WAITER.get().until_ready(ours, POLLIN, 10)
        seen.append(hub.idle.is_set())

    spawn(hub, works)
    wait_until(lambda: seen and hub.idle.is_set())
    theirs.send(b"x")
    wait_until(lambda: len(seen) == 2)
    assert seen == [False, False]


def test_hub_is_silent_while_no_task_waits_for_a_socket(hub, pair):
    ours, theirs = pair
    batons, seen = [], []

    def works():
        batons.append(WAITER.get().baton())
        batons[0].wait(10)
        seen.append(hub.silent.is_set())
        WAITER.get().until_ready(ours, POLLIN, 10)

    spawn(hub, works)
    wait_until(lambda: batons and hub.silent.is_set())
    assert hub.idle.is_set()
    batons[0].pass_on()
    wait_until(lambda: seen and hub.idle.is_set())
    assert not hub.silent.is_set()
    theirs.send(b"x")
    wait_until(hub.silent.is_set)
    assert seen == [False]


def test_tasks_that_wait_at_the_end_are_ended_where_they_stand(pair):
    ours, _ = pair
    hub = Hub()
    hub.start()
    began, ended = [], []

    def waits(wait):
        began.append(True)
        try:
            wait()
        finally:
            ended.append(True)

    spawn(
        hub,
        partial(waits, lambda: WAITER.get().until_ready(ours, POLLIN, 60)),
        partial(waits, lambda: WAITER.get().baton().wait(None)),
    )
    wait_until(lambda: len(began) == 2)
    hub.stop(5)
    assert ended == [True, True]
    hub.post(began.clear)  # nobody is there to do it, and nobody is hurt


def test_tasks_begun_by_others_end_by_themselves_and_at_the_end_too(caplog):
    hub, ended = Hub(), []
    hub.start()

    def waits():
        try:
            WAITER.get().baton().wait(None)
        finally:
            ended.append(True)

    def begins():
        WAITER.get().aside(lambda: None)
        WAITER.get().aside(waits)

    spawn(hub, begins, begins)
    wait_until(lambda: len(hub._waiting) == 2)
    hub.stop(5)
    assert ended == [True, True]
    assert caplog.text == ""


def test_idle_hub_sleeps(hub):
    turns = []
    watched = hub._look
    hub._look = lambda: (turns.append(True), watched())
    spawn(hub, lambda: WAITER.get().baton().wait(10))
    wait_until(lambda: turns)
    time.sleep(0.3)
    assert len(turns) < 10


def test_nothing_is_left_open_by_a_hub_that_has_ended():
    def in_use():
        gc.collect()
        return len(os.listdir("/proc/self/fd"))

    before = in_use()
    hub = Hub()
    hub.start()
    spawn(hub, lambda: None)
    hub.stop(5)
    del hub
    wait_until(lambda: in_use() <= before)
