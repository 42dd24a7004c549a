"""docker-compose.yml at work: its services, three workers of them, from setup to SIGTERM."""

import os
import re
import secrets
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy

import pytest
import requests

from delivery.smtp.tests.scripted import ScriptedServer
from tests.compose import ROOT, Containers, host_of, make_database, make_env
from tests.servers import PostgresServer, RedisServer, free_port
from tests.system import wait_until

S3_SERVER = ROOT / "uploads" / "tests" / "s3_server.py"
pytestmark = pytest.mark.services
MAILSERVER = "mailserver"
WORKERS = ("worker-1", "worker-2", "worker-3")
MANY = 30
CONTENT = b"%PDF-1.7\n" + secrets.token_bytes(200_000)


class Production:
    """What an operator has after `docker compose up -d --scale worker=3`, and the mail server."""

    def __init__(self, containers: Containers, relay: ScriptedServer) -> None:
        self.containers, self.relay = containers, relay
        self.http = requests.Session()
        self.sent = 0

    def start(self) -> None:
        """Set up, start everything and make a key, in the words of README.md, Production."""
        done = self.containers.run("setup")
        assert done.returncode == 0, done.stderr
        for name in WORKERS:
            self.containers.start("worker", name)
        self.containers.start("web")
        self.containers.start("beat")
        self.containers.start("mailserver")
        made = self.containers.run(
            "web", "python", "manage.py", "create_api_key", "--name", "first"
        )
        assert made.returncode == 0, made.stderr
        self.http.headers["Authorization"] = f"Bearer {made.stdout.splitlines()[-1]}"
        wait_until(self.answers, 30)

    def answers(self) -> bool:
        try:
            return self.http.get(f"{self.containers.url}/healthz", timeout=2).ok
        except requests.RequestException:
            return False

    def send(self, **values: object) -> str:
        """Have an email accepted and return its id."""
        body = {
            "to_email": "ann@example.org",
            "to_name": "Ann",
            "from_email": "shop@example.com",
            "subject": "Your order",
            "html_body": "<p>It is on its way.</p>",
        }
        answer = self.http.post(f"{self.containers.url}/api/emails", json=body | values, timeout=30)
        assert answer.status_code == 202, answer.text
        self.sent += 1
        return str(answer.json()["message_id"])

    def arrived(self, subject: str) -> list[bytes]:
        """Return the messages with this subject that the mail server took."""
        line = f"Subject: {subject}\r\n".encode()
        return [message.data for message in list(self.relay.messages) if line in message.data]

    def events(self, message_id: str) -> list[dict[str, str]]:
        shown = self.http.get(f"{self.containers.url}/api/emails/{message_id}", timeout=30).json()
        return list(shown["events"])


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    with ExitStack() as stack:
        postgres = stack.enter_context(PostgresServer())
        redis = stack.enter_context(RedisServer())
        relay = stack.enter_context(ScriptedServer())
        s3 = stack.enter_context(s3_server())
        folder = tmp_path_factory.mktemp("compose")
        variables = make_env(
            folder,
            PUBLIC_URL="https://mail.example.com",
            SMTP_RELAY_URL=f"smtp://{relay.host}:{relay.port}?tls=none",
            ALLOW_ANY_FROM="true",
            INBOUND_LISTEN=f"127.0.0.1:{free_port()}",
        )
        hosts = {
            "postgres:5432": host_of(postgres.url),
            "redis:6379": host_of(redis.url),
            "s3:8333": f"127.0.0.1:{port_of(s3)}",
        }
        containers = stack.enter_context(Containers(folder, variables, hosts))
        make_database(postgres.url, containers.services["postgres"]["environment"])
        running = Production(containers, relay)
        running.start()
        yield running
        s3.terminate()


def s3_server() -> "subprocess.Popen[str]":
    command = [sys.executable, str(S3_SERVER)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def port_of(server: "subprocess.Popen[str]") -> int:
    assert server.stdout
    return int(server.stdout.readline())


def test_three_workers_deliver_every_mail_once(production: Production) -> None:
    numbered = [f"Order {number}" for number in range(MANY)]
    for subject in numbered:
        production.send(subject=subject)
    wait_until(lambda: len(subjects(production) & set(numbered)) == MANY, 30)
    counts = Counter({subject: len(production.arrived(subject)) for subject in numbered})
    assert set(counts.values()) == {1}


def subjects(production: Production) -> set[str]:
    found = (re.search(rb"^Subject: (.*)\r$", m.data, re.M) for m in production.relay.messages)
    return {match[1].decode() for match in found if match}


def test_uploaded_file_arrives_with_the_mail_byte_for_byte(production: Production) -> None:
    uploaded = production.http.post(
        f"{production.containers.url}/api/upload",
        files={"file": ("receipt.pdf", CONTENT, "application/pdf")},
        timeout=30,
    )
    assert uploaded.status_code == 201, uploaded.text
    name = uploaded.json()["filename"]
    production.send(subject="Your receipt", attachments=[{"filename": name}])
    wait_until(lambda: production.arrived("Your receipt"), 30)
    [mail] = production.arrived("Your receipt")
    [attachment] = message_from_bytes(mail, policy=policy.default).iter_attachments()
    assert attachment.get_content() == CONTENT


def test_scheduled_mail_goes_once_and_never_early(production: Production) -> None:
    due = datetime.now(UTC) + timedelta(seconds=2)
    message_id = production.send(subject="Later", scheduled_at=due.isoformat())
    wait_until(lambda: production.arrived("Later"), 30)
    wait_until(lambda: delivered(production, message_id), 30)
    assert delivered(production, message_id) >= [due]
    assert len(production.arrived("Later")) == 1


def delivered(production: Production, message_id: str) -> list[datetime]:
    events = production.events(message_id)
    return [datetime.fromisoformat(e["timestamp"]) for e in events if e["type"] == "deliver"]


def test_links_lead_through_the_public_url(production: Production) -> None:
    production.send(subject="A link", html_body='<a href="https://example.net/x">x</a>')
    wait_until(lambda: production.arrived("A link"), 30)
    [mail] = production.arrived("A link")
    body = message_from_bytes(mail, policy=policy.default).get_body(("html",))
    assert body
    assert 'href="https://mail.example.com/t/c/' in body.get_content()


def test_every_part_is_ready(production: Production) -> None:
    answer = production.http.get(f"{production.containers.url}/readyz", timeout=30)
    parts = dict.fromkeys(("status", "database", "broker", "storage"), "ok")
    assert (answer.status_code, answer.json()) == (200, parts)


@pytest.mark.parametrize(
    ("service", "name"),
    [
        *(("worker", name) for name in WORKERS),
        *((name, name) for name in ("web", "beat", MAILSERVER)),
    ],
)
def test_health_check_of_what_runs_succeeds(
    production: Production, service: str, name: str
) -> None:
    wait_until(lambda: production.containers.is_healthy(service, name), 30)


@pytest.mark.parametrize("service", ["worker", "beat", MAILSERVER])
def test_health_check_of_what_hangs_fails(production: Production, service: str) -> None:
    folder = production.containers.folder / "hanging"
    folder.mkdir(exist_ok=True)
    assert not production.containers.is_healthy(service, "hanging")  # never began
    alive = folder / {"worker": "pump.alive"}.get(service, f"{service}.alive")
    alive.touch()
    assert production.containers.is_healthy(service, "hanging")
    os.utime(alive, (time.time() - 60,) * 2)
    assert not production.containers.is_healthy(service, "hanging")


def test_setup_can_be_repeated_while_everything_runs(production: Production) -> None:
    done = production.containers.run("setup")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["the database is up to date", "ready"]


# --- From here on nothing runs any more. ---


def test_sigterm_ends_everything_in_order_and_in_time(production: Production) -> None:
    assert set(production.containers.stop().values()) == {0}
    for name in WORKERS:
        assert "pump drained" in production.containers.log(name).read_text()
    assert len(production.relay.messages) == production.sent


def test_health_check_of_a_web_server_that_ended_fails(production: Production) -> None:
    production.containers.stop()
    assert not production.containers.is_healthy("web")
