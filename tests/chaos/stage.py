"""Everything that a run starts: servers, sink, names, web, two workers, two beats."""

from __future__ import annotations

import os
import signal
import socket
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

from tests.servers import HOST, PostgresServer, RedisServer, children, free_port
from tests.system import System, wait_until

WORKERS = ("worker-1", "worker-2")
BEATS = ("beat-1", "beat-2")
PROCESSES = ("web", *WORKERS, *BEATS)
CONNECTIONS = 5  # of a worker to the sink
LEASE_SECONDS = 5
STALL_SECONDS = 7.0  # longer than a lease, which must then be renewed
SETTINGS = {
    "SECRET_KEY": "chaos-only-chaos-only-chaos-only-chaos-only-chaos-only",
    "TRACKING_KEYS": "chaos-only-0123456789abcdef0123456789abcdef",
    "ENCRYPTION_KEYS": "chaos-only-fedcba9876543210fedcba9876543210",
    "ALLOW_ANY_FROM": "true",
    "PYTHONFAULTHANDLER": "1",
    "DELIVERY_CONCURRENCY": str(CONNECTIONS),
    "LEASE_SECONDS": str(LEASE_SECONDS),
    "RETRY_FIRST_SECONDS": "1",
    "RETRY_MAX_SECONDS": "4",
    "RETRY_FOR_SECONDS": "3600",  # so that nothing but what asks for it expires
}


class Stage:
    """The platform between its servers and a sink that misbehaves; a context manager."""

    def __init__(self, folder: Path, seed: int, database: str, transport: str) -> None:
        self.folder, self.seed, self.database = folder, seed, database
        self.transport = transport
        self.sink_ledger = folder / "sink.jsonl"
        self.postgres: PostgresServer | None = None
        self.redis: RedisServer | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with self._stack:
            self._set()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _set(self) -> None:
        port, names, urls = free_port(), free_port(), {}
        if self.database == "postgres":
            self.postgres = self._stack.enter_context(PostgresServer(durable=True))
            self.redis = self._stack.enter_context(RedisServer())
            urls = {"DATABASE_URL": self.postgres.url, "REDIS_URL": self.redis.url}
        way = {"MAIL_TRANSPORT": self.transport}
        if self.transport == "mx":
            way |= {"DNS_SERVERS": f"{HOST}:{names}", "MX_PORT": str(port)}
            way |= {"PRIVATE_NETWORKS": "127.0.0.0/8"}
        else:
            way |= {"SMTP_RELAY_URL": f"smtp://{HOST}:{port}?tls=none"}
        self.system = System(self.folder / "var", **SETTINGS, **urls, **way)
        self._stack.enter_context(self.system)
        words = (str(port), str(self.seed), str(self.sink_ledger), str(STALL_SECONDS))
        self.system.start("sink", "tests.chaos.sink", *words)
        wait_until(lambda: _listens(port), 20)
        if self.transport == "mx":
            self.system.start("names", "tests.chaos.names", str(names))
            wait_until(lambda: _listens(names), 20)
        for name in PROCESSES:
            self.launch(name)
        wait_until(self.system.answers, 30)

    def launch(self, name: str) -> None:
        """Start one of PROCESSES, without waiting until it is of use."""
        if name == "web":
            self.system.launch_web()
        elif name in WORKERS:
            self.system.start_worker(name)
        else:
            self.system.start_beat(name)

    def is_ready(self, name: str) -> bool:
        """Whether a process does its work; of a beat only that it runs."""
        if name == "web":
            return self.system.answers()
        if name in WORKERS:
            written = self.system.log(name).read_bytes()
            return written.rfind(b'"pump started"') > written.rfind(b'"pump drained"')
        return self.runs(name)

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a process and all that it started; a kill also waits for the end."""
        process = self.system.processes[name]
        for pid in [process.pid, *children(process.pid)]:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        if number is signal.SIGKILL:
            process.wait()

    def runs(self, name: str) -> bool:
        """Whether a process has not ended."""
        return self.system.processes[name].poll() is None


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return True
    return False


def say(line: str) -> None:
    """Tell whoever watches."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
