"""Who may look at /metrics, and what it says while the database hangs."""

import threading
from ipaddress import ip_network

import pytest
from django.db import OperationalError
from prometheus_client.parser import text_string_to_metric_families

from emails.backlog import TooSlow
from emails.models import Status
from emails.tests.factories import make_email
from mailer import metrics, queue_metrics
from mailer.process_metrics import forget_ended_servers
from mailer.queue_metrics import QueueCollector, QueueReader, Reading

PROMETHEUS = "10.9.0.7"


@pytest.fixture(autouse=True)
def networks(settings):
    settings.METRICS_ALLOWED = [ip_network("127.0.0.0/8"), ip_network("10.9.0.0/24")]
    settings.TRUSTED_PROXIES = [ip_network("192.0.2.0/24")]


def families(answer):
    return {f.name: f for f in text_string_to_metric_families(answer.content.decode())}


def values(family):
    return {tuple(sample.labels.values()): sample.value for sample in family.samples}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/metrics", "/metrics/"])
def test_scraper_sees_the_queue(client, path):
    make_email()
    answer = client.get(path, REMOTE_ADDR=PROMETHEUS)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    found = families(answer)
    assert values(found["mailer_database_up"]) == {(): 1}
    assert 0 <= values(found["mailer_queue_oldest_due_seconds"])[()] < 60
    depth = {("scheduled",): 0, ("queued",): 1, ("sending",): 0, ("deferred",): 0}
    assert values(found["mailer_queue_recipients"]) == depth
    assert "mailer_emails_accepted" in found


@pytest.mark.django_db(transaction=True)
def test_format_is_the_one_that_the_scraper_asks_for(client):
    accept = "application/openmetrics-text;version=1.0.0"
    answer = client.get("/metrics", REMOTE_ADDR=PROMETHEUS, headers={"Accept": accept})
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert answer.content.endswith(b"# EOF\n")


@pytest.mark.parametrize(
    ("peer", "forwarded"),
    [
        ("203.0.113.9", None),  # a stranger
        ("10.9.1.7", None),  # the network beside it
        ("", None),
        ("unix:", None),
        ("127.0.0.1", "203.0.113.9"),  # a proxy of this machine that the settings do not name
        ("127.0.0.1", "127.0.0.1"),
        ("192.0.2.5", "203.0.113.9"),  # a stranger through our proxy
        ("192.0.2.5", "127.0.0.1, 203.0.113.9"),  # ... who claims to be us
        ("192.0.2.5", None),  # our proxy itself is no scraper
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_stranger_finds_nothing(client, peer, forwarded, method):
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    answer = getattr(client, method)("/metrics", REMOTE_ADDR=peer, headers=headers)
    assert answer.status_code == 404
    assert b"mailer_" not in answer.content


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        ("127.0.0.1", {}),
        ("::ffff:10.9.0.7", {}),
        ("192.0.2.5", {"X-Forwarded-For": PROMETHEUS}),  # through our proxy
    ],
)
def test_allowed_network_gets_in(client, peer, headers):
    assert client.get("/metrics", REMOTE_ADDR=peer, headers=headers).status_code == 200


def test_only_looking_is_allowed(client):
    assert client.post("/metrics", REMOTE_ADDR=PROMETHEUS).status_code == 405


def collected(reader):
    return {family.name: family for family in QueueCollector(reader).collect()}


def test_database_that_hangs_is_said_in_time_and_asked_once(monkeypatch):
    monkeypatch.setattr(queue_metrics, "ANSWER_SECONDS", 0.05)
    asked, answers = [], threading.Event()

    def hanging():
        asked.append(1)
        answers.wait(30)
        return Reading(7.0, {Status.QUEUED: 3})

    monkeypatch.setattr(queue_metrics, "_reading", hanging)
    reader = QueueReader()
    for _ in range(3):
        found = collected(reader)
        assert set(found) == {"mailer_database_up"}
        assert values(found["mailer_database_up"]) == {(): 0}
    assert asked == [1]
    answers.set()
    assert reader.read(30) == Reading(7.0, {Status.QUEUED: 3})


@pytest.mark.parametrize("error", [OperationalError("gone"), TooSlow()])
def test_error_of_the_database_is_a_zero_and_no_error(monkeypatch, error):
    def failing():
        raise error

    monkeypatch.setattr(queue_metrics, "_reading", failing)
    assert values(collected(QueueReader())["mailer_database_up"]) == {(): 0}


def test_error_of_ours_is_not_taken_for_an_absent_database(monkeypatch):
    monkeypatch.setattr(queue_metrics, "_reading", lambda: 1 / 0)
    reader = QueueReader()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            collected(reader)


@pytest.mark.django_db(transaction=True)
def test_queue_too_long_to_be_counted_still_has_an_age(monkeypatch):
    def too_slow(seconds):
        raise TooSlow

    monkeypatch.setattr(queue_metrics.backlog, "depth", too_slow)
    assert set(collected(QueueReader())) == {
        "mailer_database_up",
        "mailer_queue_oldest_due_seconds",
    }


def test_counts_of_servers_that_ended_are_removed(tmp_path):
    import os
    import subprocess
    import sys

    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for name in (str(ended.pid), str(os.getpid()), "notes"):
        (tmp_path / name).mkdir()
    forget_ended_servers(tmp_path)
    assert {folder.name for folder in tmp_path.iterdir()} == {str(os.getpid()), "notes"}


def test_shared_counts_are_used_only_where_the_process_shares_them(monkeypatch, tmp_path):
    assert metrics._counted() is metrics.REGISTRY
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    assert isinstance(metrics._counted(), metrics.MultiProcessCollector)
