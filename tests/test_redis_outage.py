"""Redis goes, beat with it, and both come back: mail flows all the while, and bells ring again."""

import time

import pytest

from tests.outage import HEARD, lose
from tests.system import System, wait_until

pytestmark = pytest.mark.services
AWAY_SECONDS = 30.0
LOOK_SECONDS = "60"


@pytest.fixture
def system(tmp_path, postgres, redis):
    with System(tmp_path / "var", DATABASE_URL=postgres.url, REDIS_URL=redis.url) as running:
        running.start_web()
        yield running


def deliver_one(system, seconds):
    """Have a mail accepted, and wait until it is delivered."""
    answer = system.post()
    assert answer.status_code == 202
    message_id = answer.json()["message_id"]
    wait_until(lambda: message_id in system.captured(), seconds)


@pytest.mark.parametrize("how", ["killed", "paused"])
def test_mail_flows_without_redis_and_beat_and_bells_are_heard_after_their_return(
    system, redis, how
):
    system.environment["LOOK_SECONDS"] = LOOK_SECONDS
    system.start_worker("listener")
    del system.environment["LOOK_SECONDS"]
    system.start_worker("looker")
    system.start_beat()
    deliver_one(system, 30)
    bring_back = lose(redis, how)
    system.kill("beat")
    ends = time.monotonic() + AWAY_SECONDS
    while time.monotonic() < ends:
        deliver_one(system, 10)
    system.stop("looker")
    bring_back()
    deliver_one(system, HEARD)
    for _ in range(3):  # within less than LOOK_SECONDS: a look by itself explains one
        deliver_one(system, 10)
    assert system.processes["listener"].poll() is None


def test_worker_ends_within_ten_seconds_though_redis_hangs(system, redis):
    system.start_worker()
    deliver_one(system, 30)
    bring_back = lose(redis, "paused")
    time.sleep(4)  # what Celery says regularly is due every two
    process = system.processes["worker"]
    process.terminate()
    try:
        assert process.wait(10) == 0
    finally:
        bring_back()
