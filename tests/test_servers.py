"""The throw-away servers, which other tests stop and kill."""

import os
import select
import signal
import subprocess
import sys
import time
from contextlib import closing

import psycopg
import pytest
import redis as redis_client

from tests import servers
from tests.servers import PostgresServer, RedisServer

pytestmark = pytest.mark.services

HOLDER = """
from tests.servers import PostgresServer, RedisServer
import sys, time
servers = [PostgresServer(), RedisServer()]
for server in servers:
    server.start()
print(*(server.process.pid for server in servers), flush=True)
time.sleep(60)
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def rows(server: PostgresServer) -> list[tuple[int]]:
    with psycopg.connect(server.url) as connection:
        return connection.execute("SELECT id FROM things ORDER BY id").fetchall()


def test_postgres_keeps_committed_rows_over_a_kill(postgres: PostgresServer) -> None:
    with psycopg.connect(postgres.url) as connection:
        connection.execute("CREATE TABLE things (id int)")
        connection.execute("INSERT INTO things VALUES (1), (2)")
    postgres.kill()
    with pytest.raises(psycopg.OperationalError):
        rows(postgres)
    postgres.start()
    assert rows(postgres) == [(1,), (2,)]


def test_postgres_comes_back_on_its_port_after_a_stop(postgres: PostgresServer) -> None:
    url = postgres.url
    postgres.stop()
    postgres.start()
    with psycopg.connect(url) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("on",)


def test_redis_forgets_everything_over_a_kill(redis: RedisServer) -> None:
    client = redis_client.Redis.from_url(redis.url)
    client.set("bell", "1")
    redis.kill()
    with pytest.raises(redis_client.ConnectionError):
        client.get("bell")
    redis.start()
    assert client.get("bell") is None
    client.set("bell", "1")
    redis.flush()
    assert client.get("bell") is None


def test_paused_server_answers_nothing_until_it_resumes(redis: RedisServer) -> None:
    client = redis_client.Redis.from_url(redis.url, socket_timeout=0.2)
    assert client.ping()
    redis.pause()
    with pytest.raises(redis_client.TimeoutError):
        client.ping()
    redis.resume()
    assert client.ping()


def test_paused_postgres_leaves_connections_open_and_silent(postgres: PostgresServer) -> None:
    with closing(psycopg.connect(postgres.url)) as connection:
        postgres.pause()
        connection.pgconn.send_query(b"SELECT 1")
        connection.pgconn.flush()
        assert select.select([connection.fileno()], [], [], 0.2) == ([], [], [])
        postgres.resume()
        assert select.select([connection.fileno()], [], [], 30)[0]


def test_servers_die_with_a_killed_test_run() -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True)
    assert holder.stdout
    pids = [int(word) for word in holder.stdout.readline().split()]
    assert len(pids) == 2
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    deadline = time.monotonic() + 10
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [pid for pid in pids if alive(pid)] == []


def test_port_that_one_process_chose_is_not_chosen_by_another(monkeypatch):
    two = [servers.free_port(), servers.free_port()]
    servers._claims.clear()
    monkeypatch.setattr(servers, "PORTS", two)
    chosen = servers.free_port()
    code = f"from tests import servers; servers.PORTS = {two}; print(servers.free_port())"
    for _ in range(5):  # by chance it would be the other one every second time
        said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        assert {chosen, int(said.stdout)} == set(two)
