"""Reads docker-compose.yml and runs its services as processes of this machine.

Each gets what a container of it would get: its command, its environment and a data folder of its
own. Only what Docker's network and file system would provide is put in its place: the names of the
servers, the port of the web server and the data folder.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import psycopg
import yaml

from tests.servers import children, free_port

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "docker-compose.yml"
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<word>[^}]*))?\}")
DATA_FOLDER = "/var/lib/mailer"
WEB_PORT = "8000"


class NotSet(Exception):
    """A variable without a value that must have one, as Compose would say it."""


def read_env_file(file: Path) -> dict[str, str]:
    """Return the variables of an env file."""
    lines = [line for line in file.read_text().splitlines() if line and line[0] != "#"]
    return dict(line.split("=", 1) for line in lines)


def interpolated(value: Any, variables: Mapping[str, str]) -> Any:
    """Return `value` with `${A}`, `${A:-default}` and `${A:?error}` filled in, at any depth."""
    if isinstance(value, dict):
        return {name: interpolated(each, variables) for name, each in value.items()}
    if isinstance(value, list):
        return [interpolated(each, variables) for each in value]
    if isinstance(value, str):
        return VARIABLE.sub(lambda found: _value(found, variables), value)
    return value


def _value(found: re.Match[str], variables: Mapping[str, str]) -> str:
    value = variables.get(found["name"], "")
    if not value and found["kind"] == "?":
        raise NotSet(f"{found['name']}: {found['word']}")
    return value or (found["word"] if found["kind"] == "-" else "")


def services(variables: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return the services of docker-compose.yml as Compose reads them."""
    return interpolated(yaml.safe_load(FILE.read_text()), variables)["services"]


def seconds(duration: str) -> float:
    """Return a duration such as 20s or 1m30s in seconds."""
    parts = re.findall(r"(\d+)([ms])", duration)
    return float(sum(int(number) * {"m": 60, "s": 1}[unit] for number, unit in parts))


class Containers:
    """Processes in the place of containers; those that still run at the end are killed.

    `hosts` says for each host and port of the file, such as `redis:6379`, what takes its place.
    """

    def __init__(self, folder: Path, variables: Mapping[str, str], hosts: dict[str, str]) -> None:
        self.folder, self.hosts = folder, hosts
        self.services = services(variables)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, service: str, name: str = "") -> None:
        """Start a service, or one more of it under another name; its output goes to a file."""
        name = name or service
        with self.log(name).open("ab") as log:
            self.processes[name] = subprocess.Popen(
                self.native(self.services[service]["command"], name),
                cwd=ROOT,
                env=self.environment(service, name),
                stdout=log,
                stderr=log,
            )

    def run(self, service: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, as `docker compose run --rm SERVICE COMMAND` does."""
        return subprocess.run(
            command or self.services[service]["command"],
            cwd=ROOT,
            env=self.environment(service, "once"),
            capture_output=True,
            text=True,
            check=False,
        )

    def is_healthy(self, service: str, name: str = "") -> bool:
        """Run the health check of a service that runs, as Docker does."""
        check = self.services[service]["healthcheck"]
        kind, *command = check["test"]
        assert kind == "CMD"
        done = subprocess.run(
            self.native(command, name or service),
            cwd=ROOT,
            env=self.environment(service, name or service),
            capture_output=True,
            timeout=seconds(check["timeout"]) * 4,  # this machine may be busy with other tests
            check=False,
        )
        return done.returncode == 0

    def environment(self, service: str, name: str) -> dict[str, str]:
        """Return what the process finds in its environment: nothing of the tests' own."""
        wanted = self.services[service]["environment"]
        (self.folder / name).mkdir(exist_ok=True)
        return {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
            "HOME": str(self.folder),
            "VAR": str(self.folder / name),
            "PYTHONUNBUFFERED": "1",
            **{name: self.on_this_machine(value) for name, value in wanted.items()},
        }

    def on_this_machine(self, value: str) -> str:
        """Return `value` with servers of the file replaced by those of the test."""
        for host, stand_in in self.hosts.items():
            value = value.replace(f"//{host}", f"//{stand_in}").replace(f"@{host}", f"@{stand_in}")
        return value

    def native(self, command: list[str], name: str) -> list[str]:
        """Return `command` with the port and the data folder that stand in for the container's."""
        folder = str(self.folder / name)
        words = [re.sub(rf"\b{WEB_PORT}\b", str(self.port), word) for word in command]
        return [word.replace(DATA_FOLDER, folder) for word in words]

    def log(self, name: str) -> Path:
        """Where a process writes."""
        return self.folder / f"{name}.log"

    def stop(self) -> dict[str, int]:
        """Send SIGTERM to all and return how each ended; raises TimeoutExpired past its time."""
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        ended = {}
        for name, process in self.processes.items():
            service = name.partition("-")[0]
            ended[name] = process.wait(seconds(self.services[service]["stop_grace_period"]))
        return ended

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            started = children(process.pid)
            process.kill()
            process.wait()
            for pid in started:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def make_env(folder: Path, **answers: str) -> dict[str, str]:
    """Return the variables of an .env by `make env`, with what an operator then writes there."""
    shutil.copy(ROOT / ".env.example", folder)
    script = str(ROOT / "mailer" / "env_file.py")
    subprocess.run([sys.executable, "-I", script], cwd=folder, check=True, capture_output=True)
    return read_env_file(folder / ".env") | answers


def make_database(url: str, environment: Mapping[str, str]) -> None:
    """Make the user and the database that PostgreSQL's image makes of its environment."""
    user, name = environment["POSTGRES_USER"], environment["POSTGRES_DB"]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {user} LOGIN")
        connection.execute(f"CREATE DATABASE {name} OWNER {user}")


def host_of(url: str) -> str:
    """Return host and port of a URL."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}"
