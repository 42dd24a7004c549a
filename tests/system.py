"""The whole platform as processes of its own, for tests of what crosses it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Self

import psycopg
import requests

from tests.servers import children, free_port

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 30.0
SERVERS = {"DATABASE_URL", "REDIS_URL"}  # of the test run itself
PYTHON = sys.executable


class System:
    """Web, workers and beat on given servers, with a folder of their own.

    `start` takes a name of one's own and the arguments behind `python -m`; what still runs at the
    end is ended.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        own = {name: value for name, value in os.environ.items() if name not in SERVERS}
        self.environment = own | {
            "VAR": str(folder),
            "PUBLIC_URL": self.url,
            "LOG_FORMAT": "json",
            "LOOK_SECONDS": "1",
            **settings,
        }
        self.http = requests.Session()

    def __enter__(self) -> Self:
        self.folder.mkdir(exist_ok=True)
        self.manage("migrate", "-v0")
        self.key = self.manage("create_api_key", "--name", "tests").splitlines()[-1]
        self.http.headers["Authorization"] = f"Bearer {self.key}"
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for name, process in list(self.processes.items()):
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill(name)

    def manage(self, *arguments: str) -> str:
        """Run a management command and return what it writes."""
        done = subprocess.run(
            [PYTHON, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, name: str, *arguments: str) -> None:
        """Start `python -m …`; its output goes to a file."""
        with self.log(name).open("ab") as log:
            self.processes[name] = subprocess.Popen(
                self.command(*arguments),
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    def command(self, *arguments: str) -> list[str]:
        """Return what runs for `python -m …`."""
        return [PYTHON, "-m", *arguments]

    def log(self, name: str) -> Path:
        """Where a process writes."""
        return self.folder / f"{name}.log"

    def start_web(self) -> None:
        """Start the web server and wait until it answers."""
        self.launch_web()
        wait_until(self.answers, START_SECONDS)

    def launch_web(self) -> None:
        """Start the web server without waiting."""
        options = [
            *("--interface", "wsgi", "--port", str(self.port), "--blocking-threads", "4"),
            *("--workers-kill-timeout", "10"),  # a SIGTERM that comes while it starts is not heard
        ]
        self.start("web", "granian", *options, "mailer.wsgi:application")

    def answers(self) -> bool:
        """Whether the web process takes requests."""
        try:
            return self.http.get(f"{self.url}/healthz", timeout=2).ok
        except requests.RequestException:
            return False

    def start_worker(self, name: str = "worker") -> None:
        """Start a worker."""
        self.start(name, "celery", "-A", "mailer", "worker", "-n", f"{name}@%h")

    def start_beat(self, name: str = "beat") -> None:
        """Start beat."""
        self.start(name, "celery", "-A", "mailer", "beat", "--pidfile", "")

    def start_mailserver(self, name: str = "mailserver") -> None:
        """Start the listeners for mail."""
        with self.log(name).open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [PYTHON, "manage.py", "mailserver"],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    def stop(self, name: str) -> None:
        """End a process orderly, within the time that an operator grants."""
        process = self.processes.pop(name)
        process.terminate()
        process.wait(15)

    def kill(self, name: str) -> None:
        """End a process, and what it started, as a power cut would."""
        process = self.processes.pop(name)
        started = children(process.pid)
        process.kill()
        process.wait()
        for pid in started:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def post(self, **values: Any) -> requests.Response:
        """Send an email with the least that the API asks for, and `values`."""
        body = {
            "to_email": "ann@example.org",
            "to_name": "Ann",
            "from_email": "shop@example.com",
            "subject": "Your order",
            "html_body": "<p>It is on its way.</p>",
        }
        return self.http.post(f"{self.url}/api/emails", json=body | values, timeout=30)

    def show(self, message_id: str) -> dict[str, Any]:
        """Return what became of an email."""
        answer = self.http.get(f"{self.url}/api/emails/{message_id}", timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def captured(self) -> list[str]:
        """Return the message id of every captured copy."""
        return [path.name.split("-")[0] for path in (self.folder / "outbox").glob("*.eml")]

    def statuses(self) -> dict[str, int]:
        """Count the recipients by status, in the database itself."""
        return dict(self.query("SELECT status, count(*) FROM recipients GROUP BY status"))

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the database itself."""
        if url := self.environment.get("DATABASE_URL"):
            with psycopg.connect(url) as database:
                return database.execute(sql).fetchall()
        with closing(sqlite3.connect(self.folder / "db.sqlite3", timeout=20)) as database:
            return database.execute(sql).fetchall()


def wait_until(condition: Callable[[], object], seconds: float) -> None:
    """Wait for what must happen; fail when it does not."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.05)
