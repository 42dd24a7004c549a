"""Where hits were kept is counted, and when the spool comes home."""

import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from prometheus_client import REGISTRY

from emails.events import Hit
from emails.models import EventType
from emails.tests.factories import make_recipient
from tracking import recorder
from tracking.spool import Spool

pytestmark = pytest.mark.django_db(transaction=True)
PLACES = ("database", "spool", "none")


@pytest.fixture
def spool(monkeypatch, tmp_path):
    waiting = Spool(tmp_path / "spool")
    monkeypatch.setattr(recorder, "spool", lambda: waiting)
    monkeypatch.setattr(recorder, "_database", recorder._Database())
    return waiting


@pytest.fixture
def hit():
    row = make_recipient()
    return Hit(EventType.OPEN, row.email_id, row.pk, timezone.now(), {})


def kept():
    return [REGISTRY.get_sample_value("mailer_hits_total", {"kept": place}) for place in PLACES]


def keep_without_database(hit):
    def away(*args):
        raise OperationalError("gone")

    with connection.execute_wrapper(away):
        recorder.keep(hit)


def grown(before):
    return [now - then for now, then in zip(kept(), before, strict=True)]


def test_hit_in_the_database_is_counted_there(spool, hit):
    before = kept()
    recorder.keep(hit)
    assert grown(before) == [1, 0, 0]


def test_hit_in_the_spool_is_counted_there_and_when_it_comes_home(spool, hit):
    before, home = kept(), REGISTRY.get_sample_value("mailer_hits_drained_total")
    keep_without_database(hit)
    assert grown(before) == [0, 1, 0]
    recorder.store_spooled()
    assert grown(before) == [0, 1, 0]
    assert REGISTRY.get_sample_value("mailer_hits_drained_total") == home + 1


def test_hit_that_could_be_kept_nowhere_is_counted(spool, hit, tmp_path):
    (tmp_path / "spool").write_text("a file where the folder should be")
    before = kept()
    keep_without_database(hit)
    assert grown(before) == [0, 0, 1]
