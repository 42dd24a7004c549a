"""The platform under measure: processes as in docker-compose.yml, settings left as they are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from threading import Lock
from typing import Any, Self

import yaml

from benchmarks.cpu import Roots
from benchmarks.mails import Mail, mails
from benchmarks.measure import say
from benchmarks.peers.project import run_python
from benchmarks.stage import Stage
from tests.servers import HOST
from tests.system import ROOT, System

SETTINGS = {
    "SECRET_KEY": "benchmarks-only-benchmarks-only-benchmarks-only-bench",
    "TRACKING_KEYS": "benchmarks-only-0123456789abcdef0123456789abcdef",
    "ENCRYPTION_KEYS": "benchmarks-only-fedcba9876543210fedcba9876543210",
    "PUBLIC_URL": "https://mail.example.com",
    "MAIL_TRANSPORT": "relay",
    "LOOK_SECONDS": "",  # its default
}
UNTRACKED = {"track_opens": False, "track_clicks": False}
NOBODY = f"smtp://{HOST}:9?tls=none"  # for processes that send nothing
BATCH = 500
CLIENTS = 4  # that post at once


class Platform(System):
    """Our processes on a database that was made before, with the key that it knows."""

    def __init__(self, stage: Stage, database: str, key: str, **settings: str) -> None:
        values = {"REDIS_URL": stage.redis.url, "SMTP_RELAY_URL": NOBODY} | SETTINGS | settings
        super().__init__(stage.room("ours"), DATABASE_URL=database, **values)
        self.key = key
        self.http.headers["Authorization"] = f"Bearer {key}"

    def __enter__(self) -> Self:
        return self

    def launch_web(self) -> None:
        """Start the web server as docker-compose.yml does, on our own address."""
        self.start("web", *granian(self.port, "mailer.wsgi:application"))

    def start_workers(self, count: int) -> None:
        """Start so many workers."""
        for number in range(count):
            self.start_worker(f"worker-{number}")

    def pids(self, kind: str) -> Roots:
        """Return what tells the processes whose names begin with `kind`, to be measured."""
        return lambda: [
            process.pid for name, process in self.processes.items() if name.startswith(kind)
        ]


def granian(port: int, application: str) -> list[str]:
    """Return the arguments behind `python -m` of the web server, those of docker-compose.yml."""
    command = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["web"]
    words = list(command["command"][:-1])
    words[words.index("--host") + 1] = HOST
    words[words.index("--port") + 1] = str(port)
    return [*words, application]


def unsigned(stage: Stage, name: str) -> None:
    """Take the key away from a database, so that its mail is not signed."""
    stage.databases.ask(name, "DELETE FROM dkim_keys")


def key(stage: Stage) -> str:
    """Return the API key that is in `ours_empty` and in all databases made from it.

    Its project holds the domain of the mails, with an RSA key of 2048 bits that signs.
    """
    return stage.once("ours_empty", lambda name: _made_empty(stage, name))


def _made_empty(stage: Stage, name: str) -> str:
    with Platform(stage, stage.databases.make(name), "") as platform:
        System.__enter__(platform)  # migrates, and makes the key
        run_python(platform.environment, "benchmarks.domain")
        return platform.key


def filled(stage: Stage, count: int, *, tracked: bool) -> str:
    """Return the name of a database in which `count` mails wait, accepted by the API in batches."""
    name = f"ours_{count}_{'tracked' if tracked else 'plain'}"
    return stage.once(name, lambda name: _made_full(stage, name, count, tracked))


def _made_full(stage: Stage, name: str, count: int, tracked: bool) -> str:
    known = key(stage)
    with Platform(stage, stage.databases.make(name, "ours_empty"), known) as platform:
        platform.start_web()
        say(f"  {count:,} mails are put in the queue")
        post_all(platform.port, known, batches(count, {} if tracked else UNTRACKED))
    stage.databases.settle(name)
    return name


def batches(count: int, extra: Mapping[str, object]) -> Iterator[bytes]:
    """Yield the bodies of requests that send `count` mails, BATCH at a time."""
    for start in range(0, count, BATCH):
        yield batch(mails(min(BATCH, count - start), start), extra)


def batch(items: Iterable[Mail], extra: Mapping[str, object]) -> bytes:
    """Return the body of a request that sends `items`."""
    return json.dumps([mail.request(**extra) for mail in items]).encode()


def post_all(port: int, key: str, bodies: Iterable[bytes], clients: int = CLIENTS) -> None:
    """Post batches, `clients` at once; raises RuntimeError where anything is refused."""
    waiting, taking = iter(bodies), Lock()

    def post() -> None:
        connection = HTTPConnection(HOST, port)
        while body := _next(waiting, taking):
            post_batch(connection, key, body)
        connection.close()

    with ThreadPoolExecutor(clients) as pool:
        for done in [pool.submit(post) for _ in range(clients)]:
            done.result()


def _next(waiting: Iterator[bytes], taking: Lock) -> bytes | None:
    with taking:  # so that few bodies are in memory, however many are to come
        return next(waiting, None)


def post_batch(connection: HTTPConnection, key: str, body: bytes) -> None:
    """Post a batch; raises RuntimeError where it is not accepted whole."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection.request("POST", "/api/emails/batch?atomic=true", body, headers)
    answer = connection.getresponse()
    said: Any = answer.read()
    if answer.status != 202:
        raise RuntimeError(f"a batch was answered {answer.status}: {said[:500]!r}")
