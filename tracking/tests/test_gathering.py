"""Threads that store at the same time share a write, and each learns of its own."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from django.utils import timezone

from emails.events import Hit
from emails.models import EmailEvent, EventType
from emails.tests.factories import make_recipient
from tracking import recorder
from tracking.gathering import MOST_TOGETHER, Gathering

MANY = 200


class Gate:
    """Stores into a list, each batch only when the test lets it."""

    def __init__(self):
        self.batches, self.open, self.began = [], threading.Semaphore(0), threading.Semaphore(0)

    def store(self, batch):
        self.began.release()
        self.open.acquire()
        if "bad" in batch:
            raise ValueError("bad")
        self.batches.append(batch)


def bring(gathering, item):
    try:
        gathering.bring(item)
    except ValueError:
        return f"{item} failed"
    return item


def wait_for(gathering, count):
    while len(gathering._waiting) < count:
        time.sleep(0.001)


def test_what_comes_during_a_write_shares_the_next_one():
    gate = Gate()
    gathering = Gathering(gate.store)
    with ThreadPoolExecutor(MANY) as pool:
        first = pool.submit(bring, gathering, 0)
        gate.began.acquire()
        others = [pool.submit(bring, gathering, n) for n in range(1, 40)]
        wait_for(gathering, len(others))
        assert not first.done()
        gate.open.release(2)
        assert [future.result() for future in [first, *others]] == list(range(40))
    assert [len(batch) for batch in gate.batches] == [1, 39]


def test_fault_is_raised_in_every_thread_of_its_batch_and_the_next_goes_on():
    gate = Gate()
    gathering = Gathering(gate.store)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(bring, gathering, "good")
        gate.began.acquire()
        others = [pool.submit(bring, gathering, item) for item in ("bad", "unlucky")]
        wait_for(gathering, len(others))
        gate.open.release(2)
        results = [future.result() for future in [first, *others]]
    assert results == ["good", "bad failed", "unlucky failed"]
    gate.open.release()
    assert bring(gathering, "later") == "later"


def test_one_write_takes_a_bounded_number():
    stored = []
    gathering = Gathering(stored.append)
    gathering._is_writing = True
    threads = [
        threading.Thread(target=gathering.bring, args=(n,)) for n in range(MOST_TOGETHER + 1)
    ]
    for thread in threads:
        thread.start()
    wait_for(gathering, len(threads))
    gathering._let_next_write()
    for thread in threads:
        thread.join()
    assert [len(batch) for batch in stored] == [MOST_TOGETHER, 1]


@pytest.mark.django_db(transaction=True)
def test_parallel_hits_are_all_stored_and_one_of_deleted_mail_harms_none():
    row = make_recipient()
    gone = make_recipient()
    gone.email.delete()

    def keep(number):
        named = gone if number == MANY // 2 else row
        email_id = row.email_id if named is row else number + 1_000_000
        hit = Hit(EventType.OPEN, email_id, named.pk or number, timezone.now(), {"n": number})
        recorder.keep(hit)
        connections.close_all()

    with ThreadPoolExecutor(MANY) as pool:
        list(pool.map(keep, range(MANY)))
    stored = EmailEvent.objects.filter(type=EventType.OPEN)
    assert sorted(event.data["n"] for event in stored) == [n for n in range(MANY) if n != MANY // 2]
    assert recorder.spool().is_empty()


@pytest.mark.django_db(transaction=True)
def test_hit_that_the_database_cannot_hold_harms_no_other(caplog):
    row = make_recipient()
    agents = ["good", "half a pair: \ud800", "good too"]
    moment = timezone.now()
    hits = [Hit(EventType.OPEN, row.email_id, row.pk, moment, {"agent": agent}) for agent in agents]
    recorder._keep(hits)
    stored = [event.data["agent"] for event in EmailEvent.objects.filter(type=EventType.OPEN)]
    assert [agent for agent in stored if agent.startswith("good")] == ["good", "good too"]
    assert len(stored) == 3 or "can't be stored" in caplog.text
    assert recorder.spool().is_empty()
