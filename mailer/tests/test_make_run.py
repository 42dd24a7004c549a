"""`make run` for real: what it says, what it keeps, and that nothing stays behind."""

import json
import os
import signal
import smtplib
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailer.development.programs import ROOT
from mailer.development.welcome import EXAMPLE, curl
from mailer.tests.running import Run
from tests.servers import free_port


def command_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def mode(file: Path) -> int:
    return file.stat().st_mode & 0o777


def gone(run: Run) -> bool:
    deadline = time.monotonic() + 20
    while run.processes() and time.monotonic() < deadline:
        time.sleep(0.05)
    return not run.processes()


@pytest.fixture(scope="module")
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data folder for all starts: each but the first is a second start."""
    return tmp_path_factory.mktemp("run") / "var"


@pytest.fixture(scope="module")
def smtp_port() -> str:
    return str(free_port())


@pytest.fixture
def start(var: Path, port: int, smtp_port: str) -> Iterator[Callable[[], Run]]:
    runs: list[Run] = []

    def start() -> Run:
        runs.append(Run(var, port, SMTP_PORT=smtp_port))
        return runs[-1].until_ready()

    yield start
    for run in runs:
        run.kill_all()


@pytest.fixture
def used_var(var: Path, start: Callable[[], Run]) -> Path:
    """The data folder of an earlier start, which the test before this one may have been."""
    if not (var / "api-key").exists():
        start().kill_all()
    return var


def get(url: str) -> tuple[int, bytes]:
    with urllib.request.urlopen(url, timeout=10) as response:
        return response.status, response.read()


def test_start_keeps_private_files_and_ctrl_c_leaves_nothing_behind(
    start: Callable[[], Run], var: Path
) -> None:
    run = start()
    said = "\n".join(run.lines)
    assert {file: mode(var / file) for file in ("api-key", "staff-password", "settings.env")} == {
        "api-key": 0o600,
        "staff-password": 0o600,
        "settings.env": 0o600,
    }
    assert run.key() == (var / "api-key").read_text().strip()
    assert f"password {(var / 'staff-password').read_text().strip()}" in said
    assert f"http://localhost:{run.port}/inbox" in said
    assert [word for word in run.curl() if run.key() in word] == [
        f"Authorization: Bearer {run.key()}"
    ]

    status, page = get(f"http://localhost:{run.port}/admin/login/")
    assert status == 200
    style = page.split(b'<link href="')[1].split(b'"')[0].decode()
    assert get(f"http://localhost:{run.port}{style}")[0] == 200  # without collectstatic

    [address] = [line.split()[1] for line in run.lines if line.startswith("  SMTP ")]
    with smtplib.SMTP(*address.split(":")) as client:
        client.login("anybody", run.key())

    commands = " ".join(map(command_of, run.processes()))
    assert all(
        part in commands
        for part in ("granian", "celery --quiet --app mailer worker", "beat", "mailserver")
    )

    second = Run(var, run.port + 1 if run.port < 65535 else 8000)
    assert second.rest().startswith(f"error: VAR={var} is used by another `make run`.")
    assert second.process.returncode == 1

    os.killpg(run.process.pid, signal.SIGINT)  # what a terminal does
    assert run.rest().endswith("stopped\n")
    assert run.process.returncode == 0
    assert run.processes() == set()


def test_second_start_keeps_the_key_and_kill_9_leaves_nothing_behind(
    start: Callable[[], Run], used_var: Path
) -> None:
    var = used_var
    kept = {file.name: file.read_bytes() for file in var.iterdir() if mode(file) == 0o600}
    assert "api-key" in kept
    run = start()
    assert {name: (var / name).read_bytes() for name in kept} == kept
    assert run.key() == kept["api-key"].decode().strip()
    assert f"password see {var / 'staff-password'}" in "\n".join(run.lines)
    assert len(run.processes()) >= 5
    run.process.kill()
    assert gone(run)


def test_part_that_dies_ends_the_whole_with_a_sentence(start: Callable[[], Run]) -> None:
    run = start()
    worker = next(pid for pid in run.processes() if is_worker(command_of(pid)))
    os.kill(worker, signal.SIGKILL)
    assert "error: worker ended by itself (status 137" in run.rest()
    assert run.process.returncode == 1
    assert run.processes() == set()


def is_worker(command: str) -> bool:
    return " worker " in command and "leash" not in command


def test_taken_port_is_said_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        run = Run(tmp_path / "var", server.getsockname()[1])
        assert run.rest() == (
            f"error: Port {run.port} is taken by another program. "
            f"Choose another one: make run PORT={run.port + 1}\n"
        )
    assert run.process.returncode == 1
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("LEASE_SECONDS", "abc", "LEASE_SECONDS is wrong"),
        ("TRACKING_KEYS", "too-short", "TRACKING_KEYS must list"),
        ("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none", "The database can't be used"),
    ],
)
def test_wrong_setting_is_one_sentence(
    tmp_path: Path, port: int, name: str, value: str, sentence: str
) -> None:
    run = Run(tmp_path / "var", port, **{name: value})
    said = run.rest()
    assert said.startswith(f"error: {sentence}")
    assert said.count("\n") == 1
    assert run.process.returncode == 1


@pytest.mark.parametrize(
    "command",
    [
        ["manage.py", "check"],
        ["-m", "celery", "-A", "mailer", "worker"],
        ["-m", "celery", "-A", "mailer", "beat"],
        ["-c", "import mailer.wsgi"],
    ],
)
def test_every_entry_says_a_wrong_setting_in_one_sentence(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=dict(os.environ) | {"LEASE_SECONDS": "abc"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "error: LEASE_SECONDS is wrong (Not a valid integer). "
        "Give a number from 5 to 3600 (default 45).\n"
    )


def test_curl_command_survives_the_shell() -> None:
    printed = curl("http://localhost:8000", "mk_key").replace("curl ", "printf '%s\\0' ", 1)
    words = subprocess.run(["sh", "-c", printed], capture_output=True, text=True, check=True)
    url_and_options = words.stdout.split("\0")
    assert "http://localhost:8000/api/emails" in url_and_options
    assert json.loads(url_and_options[url_and_options.index("-d") + 1]) == EXAMPLE
