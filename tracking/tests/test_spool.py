"""Hits that wait for the database in a file."""

import resource
import threading

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from emails import events
from emails.events import Hit
from emails.models import EmailEvent, EventType
from emails.tests.factories import make_recipient
from tracking import recorder
from tracking.marking import keyring
from tracking.spool import Spool


def make_hit(n=1, row=None):
    ids = (row.email_id, row.pk) if row else (n, n)
    return Hit(EventType.OPEN, *ids, timezone.now(), {"n": n})


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "spool"


def test_what_is_spooled_comes_out_as_it_went_in(folder):
    hits = [make_hit(n) for n in range(5)]
    for hit in hits:
        Spool(folder).append([hit])
    stored = []
    assert Spool(folder).drain(stored.extend) == 5
    assert stored == hits
    assert Spool(folder).is_empty()
    assert Spool(folder).drain(stored.extend) == 0


def test_hits_stay_when_storing_them_fails(folder):
    spool = Spool(folder)
    spool.append([make_hit()])

    def fail(hits):
        raise OperationalError

    with pytest.raises(OperationalError):
        spool.drain(fail)
    spool.append([make_hit(2)])
    stored = []
    assert spool.drain(stored.extend) == 2
    assert {hit.data["n"] for hit in stored} == {1, 2}


def test_broken_last_line_does_not_keep_the_others(folder):
    spool = Spool(folder)
    spool.append([make_hit()])
    with (folder / "hits.jsonl").open("ab") as file:
        file.write(b'["open", 1, 1, "20')
    stored = []
    assert spool.drain(stored.extend) == 1


def test_hit_after_a_line_that_a_power_cut_left_unfinished_is_kept(folder):
    spool = Spool(folder)
    spool.append([make_hit(1)])
    with (folder / "hits.jsonl").open("ab") as file:
        file.write(b'["open", 1, 1, "20')
    spool.append([make_hit(2)])
    stored = []
    assert spool.drain(stored.extend) == 2
    assert [hit.data["n"] for hit in stored] == [1, 2]


def test_full_disk_leaves_no_half_of_a_line(folder):
    spool = Spool(folder)
    spool.append([make_hit(1)])
    size = (folder / "hits.jsonl").stat().st_size
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            spool.append([make_hit(2)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    spool.append([make_hit(3)])
    stored = []
    assert spool.drain(stored.extend) == 2
    assert [hit.data["n"] for hit in stored] == [1, 3]


def test_writers_lose_nothing_while_others_drain(folder):
    stored, done = [], threading.Event()

    def write(start):
        for n in range(start, start + 100):
            Spool(folder).append([make_hit(n)])

    def drain():
        while not done.is_set():
            Spool(folder).drain(stored.extend)

    writers = [threading.Thread(target=write, args=(start,)) for start in (0, 100, 200)]
    drainer = threading.Thread(target=drain)
    for thread in [*writers, drainer]:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    drainer.join()
    Spool(folder).drain(stored.extend)
    assert sorted(hit.data["n"] for hit in stored) == list(range(300))


@pytest.mark.django_db(transaction=True)
def test_redirect_works_without_the_database_and_the_click_is_stored_when_it_is_back(
    client, folder, monkeypatch, settings
):
    row = make_recipient()
    path = "/t/c/" + keyring().click_token(row.email_id, row.pk, "https://example.net/")
    monkeypatch.setattr(recorder, "spool", lambda: Spool(folder))
    monkeypatch.setattr(recorder, "_database", recorder._Database())
    with away():
        answer = client.get(path)
        assert (answer.status_code, answer["Location"]) == (302, "https://example.net/")
        with pytest.raises(OperationalError):
            recorder.store_spooled()
    assert recorder.store_spooled() == 1
    assert EmailEvent.objects.get(type=EventType.CLICK).data["url"] == "https://example.net/"


class away:
    """Every statement fails, as it does while the server is away (the real one is stopped in
    tests/test_outages.py)."""

    def __enter__(self):
        self._wrapper = connection.execute_wrapper(self._refuse)
        self._wrapper.__enter__()

    def __exit__(self, *exc):
        self._wrapper.__exit__(*exc)

    @staticmethod
    def _refuse(execute, sql, params, many, context):
        raise OperationalError("the server closed the connection")


@pytest.mark.django_db(transaction=True)
def test_spooled_hits_of_deleted_mail_are_left_out(folder):
    row = make_recipient()
    events.record([make_hit(1, row), make_hit(999_999)])
    assert EmailEvent.objects.filter(type=EventType.OPEN).count() == 1
