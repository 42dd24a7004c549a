"""Workers, beat, Redis and the database come and go; every accepted mail goes once."""

import signal
from collections import Counter
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
import requests
from redis import Redis

from tests.system import System, wait_until

pytestmark = pytest.mark.services
MANY = 1000


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
    wait_until(lambda: system.show(message_id)["status"] == "delivered", 15)
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
