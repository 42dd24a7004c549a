"""Workers, beat, Redis and the database come and go; every accepted mail goes once."""

import signal
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
import requests
from redis import Redis

from tests.system import System, wait_until

pytestmark = pytest.mark.services
MANY = 1000
AWAY_SECONDS = 20


@pytest.fixture
def system(tmp_path, postgres, redis):
    with System(tmp_path / "var", DATABASE_URL=postgres.url, REDIS_URL=redis.url) as running:
        yield running


def accept_many(system, count=MANY):
    answers = [system.post() for _ in range(count)]
    assert {answer.status_code for answer in answers} == {202}
    return [answer.json()["message_id"] for answer in answers]


def test_mail_waits_for_a_worker_and_each_goes_once(system):
    system.start_web()
    accepted = accept_many(system)
    assert system.statuses() == {"queued": MANY}
    assert system.captured() == []
    system.start_worker()
    wait_until(lambda: system.statuses() == {"delivered": MANY}, 60)
    assert Counter(system.captured()) == Counter(accepted)


def test_emptied_redis_loses_nothing(system, redis):
    system.start_web()
    system.start_worker()
    system.start_beat()
    first = system.post().json()["message_id"]
    wait_until(lambda: first in system.captured(), 30)
    system.processes["worker"].send_signal(signal.SIGSTOP)
    accepted = [first, *accept_many(system)]
    redis.flush()
    system.processes["worker"].send_signal(signal.SIGCONT)
    wait_until(lambda: system.statuses() == {"delivered": MANY + 1}, 15)
    assert Counter(system.captured()) == Counter(accepted)


def test_mail_is_accepted_and_delivered_while_redis_is_gone(system, redis):
    system.start_web()
    system.start_worker()
    first = system.post().json()["message_id"]
    wait_until(lambda: first in system.captured(), 30)
    redis.kill()
    second = system.post()
    assert second.status_code == 202
    wait_until(lambda: second.json()["message_id"] in system.captured(), 15)
    assert requests.get(f"{system.url}/readyz", timeout=10).json()["status"] == "degraded"


def test_scheduled_mail_goes_once_although_beat_is_away_around_its_time(system):
    system.start_web()
    system.start_worker()
    system.start_beat()
    due = datetime.now(UTC) + timedelta(seconds=3)
    message_id = system.post(scheduled_at=due.isoformat()).json()["message_id"]
    system.stop("beat")
    wait_until(lambda: datetime.now(UTC) > due, 10)
    system.start_beat()
    wait_until(lambda: message_id in system.captured(), 15)
    assert system.captured() == [message_id]
    [delivered] = [e for e in system.show(message_id)["events"] if e["type"] == "deliver"]
    assert datetime.fromisoformat(delivered["timestamp"]) >= due


def test_beat_that_starts_before_its_database_waits_for_it(system, postgres, redis):
    postgres.kill()
    system.start_beat()
    wait_until(lambda: "the schedule can't be read now" in system.log("beat").read_text(), 20)
    postgres.start()
    with Redis.from_url(redis.url) as broker:
        wait_until(lambda: broker.llen("celery"), 15)
    assert system.processes["beat"].poll() is None


def test_beat_ends_when_it_is_asked_to_in_the_middle_of_a_query(system, postgres, redis):
    waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    system.start_beat()
    with Redis.from_url(redis.url) as broker:
        wait_until(lambda: broker.llen("celery"), 20)  # its entry has to be saved at the end
    with psycopg.connect(postgres.url) as database:
        database.execute("LOCK django_celery_beat_periodictasks IN ACCESS EXCLUSIVE MODE")
        wait_until(lambda: system.query(waits), 10)
        system.stop("beat")


def test_schedule_survives_a_restart_of_every_process(system, postgres, redis):
    system.start_web()
    due = datetime.now(UTC) + timedelta(seconds=4)
    message_id = system.post(scheduled_at=due.isoformat()).json()["message_id"]
    system.kill("web")
    redis.kill()
    postgres.kill()
    postgres.start()
    redis.start()
    system.start_worker()
    wait_until(lambda: message_id in system.captured(), 30)


def test_killed_worker_loses_nothing_and_the_next_one_takes_over(system):
    system.environment["LEASE_SECONDS"] = "5"
    system.start_web()
    accepted = accept_many(system, 300)
    system.start_worker("first")
    wait_until(lambda: system.statuses().get("sending"), 30)
    system.kill("first")
    system.start_worker("second")
    wait_until(lambda: system.statuses() == {"delivered": 300}, 60)
    assert set(system.captured()) == set(accepted)
    doubled = [name for name, count in Counter(system.captured()).items() if count > 1]
    for message_id in doubled:  # only where nobody could know, and then it is on record
        events = system.show(message_id)["events"]
        assert any(event["data"].get("ambiguous") for event in events)


def let_postgres_go(postgres, how):
    """Have PostgreSQL die, end at once, or fall silent; return what brings it back."""
    if how == "paused":
        postgres.pause()
        return postgres.resume
    if how == "killed":
        postgres.kill()
    else:
        postgres.stop(signal.SIGQUIT)
    return postgres.start


@pytest.mark.parametrize("how", ["killed", "stopped at once", "paused"])
def test_database_outage_is_answered_with_503_and_links_go_on_working(system, postgres, how):
    system.start_web()
    system.start_worker()
    message_id = system.post(html_body='<a href="https://example.net/a?b=1&amp;c=2">x</a>').json()[
        "message_id"
    ]
    wait_until(lambda: message_id in system.captured(), 30)
    [eml] = (system.folder / "outbox").glob("*.eml")
    link = tracked_link(eml.read_bytes(), system.url)
    bring_back = let_postgres_go(postgres, how)
    ends = time.monotonic() + AWAY_SECONDS

    refused = [system.post()]
    while time.monotonic() < ends:
        refused.append(system.post())
    for answer in refused:
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
        assert answer.json()["error"]["code"] == "unavailable"
    answer = requests.get(link, allow_redirects=False, timeout=20)
    assert (answer.status_code, answer.headers["Location"]) == (
        302,
        "https://example.net/a?b=1&c=2",
    )
    assert requests.get(f"{system.url}/readyz", timeout=20).status_code == 503
    assert system.answers()

    bring_back()
    wait_until(lambda: "click" in events_in(postgres), 20)
    again = system.post().json()["message_id"]
    wait_until(lambda: again in system.captured(), 20)
    assert set(system.captured()) == {message_id, again}


def tracked_link(content, base):
    import email
    import email.policy
    import re

    message = email.message_from_bytes(content, policy=email.policy.default)
    html = message.get_body(("html",)).get_content()
    return re.search(rf'"({re.escape(base)}/t/c/[^"]+)"', html)[1]


def events_in(postgres):
    with psycopg.connect(postgres.url) as database:
        return {row[0] for row in database.execute("SELECT type FROM email_events")}
