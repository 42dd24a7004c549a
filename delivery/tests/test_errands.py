"""What blocks is done by threads that come as they are needed."""

import threading
from functools import partial

import pytest

from delivery.errands import Errands
from delivery.tests.waiting import wait_until


@pytest.fixture
def errands():
    made = Errands(most=3)
    yield made
    made.stop()
    wait_until(lambda: not named())


def named():
    return [thread for thread in threading.enumerate() if thread.name == "errands"]


def test_errands_one_after_the_other_need_one_thread(errands):
    for _ in range(10):
        done = threading.Event()
        errands.run(done.set)
        assert done.wait(10)
        wait_until(lambda: errands._spare == 1)
    assert len(named()) == 1


def test_errands_that_block_do_not_hold_up_others_until_there_are_too_many(errands):
    let_go, begun, done = threading.Event(), [], []

    def blocks(number):
        begun.append(number)
        let_go.wait(10)
        done.append(number)

    for number in range(5):
        errands.run(partial(blocks, number))
    wait_until(lambda: len(begun) == 3)
    assert len(named()) == 3
    let_go.set()
    wait_until(lambda: len(done) == 5)
    assert len(named()) == 3


def test_thread_that_can_not_be_had_is_no_thread(errands, monkeypatch):
    """As with as many of them as the system bears (pids.max)."""

    def no_more(thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as short:
        short.setattr(threading.Thread, "start", no_more)
        for _ in range(5):
            with pytest.raises(RuntimeError):
                errands.run(pytest.fail)
    done = threading.Event()
    errands.run(done.set)
    assert done.wait(10)
