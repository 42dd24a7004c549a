"""Redis as docker-compose.yml starts it, when bells pile up because no worker runs."""

from contextlib import suppress

import pytest
import redis as redis_client
from kombu import Connection
from kombu.exceptions import OperationalError

from emails.doorbell import BELL
from mailer.celery import app
from tests.compose import ROOT, read_env_file, services
from tests.servers import RedisServer
from tests.system import System, wait_until

pytestmark = pytest.mark.services
SIZE = "2mb"  # an empty one takes one
BELLS = 3000


class SmallRedis(RedisServer):
    """Redis with the options of docker-compose.yml, but for its size."""

    def command(self) -> list[str]:
        said = services(read_env_file(ROOT / ".env.example"))["redis"]["command"]
        return [*super().command(), *said[1:], "--maxmemory", SIZE]


def ring(url: str, times: int) -> None:
    with Connection(url) as connection:
        producer = app.amqp.Producer(connection)
        for _ in range(times):
            with suppress(OperationalError):  # as the doorbell does
                app.send_task(BELL, producer=producer, expires=10, ignore_result=True, retry=False)


def test_worker_starts_and_hears_bells_although_redis_was_full(tmp_path):
    database = f"sqlite:///{tmp_path}/var/db.sqlite3"
    with SmallRedis() as redis:
        client = redis_client.Redis.from_url(redis.url)
        ring(redis.url, BELLS)
        assert client.llen("celery") < BELLS
        with System(tmp_path / "var", DATABASE_URL=database, REDIS_URL=redis.url) as system:
            system.start_worker()
            wait_until(lambda: client.exists("_kombu.binding.celery"), 30)
            ring(redis.url, 1)
            wait_until(lambda: client.llen("celery") == 0, 30)
            assert system.processes["worker"].poll() is None
