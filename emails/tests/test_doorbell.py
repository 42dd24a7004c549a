"""The doorbell: cheap, never in the way, and the last ring always comes."""

import threading
import time
from itertools import pairwise

import pytest
from celery import current_app

from emails.doorbell import BELL, Doorbell


class Rung:
    """Counts what is published, in place of the broker."""

    def __init__(self, monkeypatch):
        self.times, self.options = [], []
        monkeypatch.setattr(current_app._get_current_object(), "send_task", self._publish)

    def _publish(self, name, **options):
        assert name == BELL
        self.times.append(time.monotonic())
        self.options.append(options)


@pytest.fixture
def rung(monkeypatch):
    rung = Rung(monkeypatch)
    yield rung
    time.sleep(0.1)  # a last ring must not reach the next test


def wait_for(condition):
    ends = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.005)


def test_many_rings_are_few_bells_and_the_last_one_comes(rung):
    doorbell = Doorbell()
    doorbell.ring()
    wait_for(lambda: rung.times)
    rings, began = 0, time.monotonic()
    while (last_call := time.monotonic()) - began < 0.2:
        doorbell.ring()
        rings, last_rung = rings + 1, last_call
    wait_for(lambda: rung.times[-1] >= last_rung)
    assert len(rung.times) < rings
    assert all(later - sooner >= 0.019 for sooner, later in pairwise(rung.times))


def test_bell_carries_nothing_and_expires(rung):
    Doorbell().ring()
    wait_for(lambda: rung.options)
    assert rung.options == [{"expires": 10, "ignore_result": True, "retry": False}]


def test_dead_broker_neither_blocks_nor_fails_the_caller(monkeypatch, caplog):
    tried = threading.Event()

    def hang(*args, **options):
        tried.set()
        time.sleep(0.3)
        raise ConnectionError("no route to Redis")

    monkeypatch.setattr(current_app._get_current_object(), "send_task", hang)
    doorbell = Doorbell()
    doorbell.ring()
    assert tried.wait(5)
    for _ in range(100):
        doorbell.ring()
    wait_for(lambda: "bells are lost" in caplog.text)
    assert caplog.text.count("bells are lost") == 1
    monkeypatch.undo()
    time.sleep(0.4)  # the bell that still hangs must not reach the next test


def test_bell_reaches_the_broker_of_the_settings(settings):
    queue = current_app.conf.task_default_queue
    with current_app.connection_for_write() as connection:
        channel = connection.default_channel
        channel.queue_declare(queue)
        channel.queue_purge(queue)
        Doorbell().ring()
        wait_for(lambda: channel.queue_declare(queue, passive=True).message_count)
        channel.queue_purge(queue)
