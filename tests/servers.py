"""Throw-away PostgreSQL and Redis servers: own folder, free port, gone when the tests are.

`python -m tests.servers` says whether their programs are installed (exit status 0 or 1).
"""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Self

HOST = "127.0.0.1"
START_SECONDS = 30.0
PORTS = range(15_000, 32_000)  # below those that Linux chooses from for outgoing connections
_claims: deque[socket.socket] = deque(maxlen=100)  # of those before, the servers have come
UNPRIVILEGED = ("postgres", "nobody")
POSTGRES_PROGRAMS = ("initdb", "postgres", "pg_isready")


class Server(ABC):
    """A process in the foreground with a folder and a port of its own.

    It ends with this process, even if that is killed (on Linux), and keeps its data and port over
    `stop` or `kill` and `start`. As a context manager it is started, and thrown away at the end.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"mailer-{type(self).__name__.lower()}-"))
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        atexit.register(self.close)

    @property
    @abstractmethod
    def url(self) -> str:
        """Where it is, as a setting."""

    @property
    @abstractmethod
    def version(self) -> str:
        """Name and version, for people."""

    @abstractmethod
    def command(self) -> list[str]:
        """What runs in the foreground."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it takes commands now."""

    @property
    def log(self) -> Path:
        """What it writes."""
        return self.folder / "log"

    def start(self) -> None:
        """Start it and wait until it answers; raises RuntimeError with its log."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                ending_with_us(self.command()), stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"{self.version} did not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.02)

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """End it by a signal and wait. PostgreSQL: SIGTERM smart, SIGINT fast, SIGQUIT at once."""
        if self.process:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None

    def kill(self) -> None:
        """End it as a power cut would, so that it can't write or say anything more."""
        self._signal(signal.SIGSTOP)  # so that it starts nothing new meanwhile
        self._signal(signal.SIGKILL)
        self.stop(signal.SIGKILL)

    def pause(self) -> None:
        """Leave its connections open and answer nothing more, until `resume`."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on after `pause`."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        """Send a signal to the process and to all that it started."""
        if self.process and self.process.poll() is None:
            for pid in [self.process.pid, *children(self.process.pid)]:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)

    def close(self) -> None:
        """End it for good."""
        self.resume()  # a paused process hears no other signal
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        atexit.unregister(self.close)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class PostgresServer(Server):
    """PostgreSQL. It refuses to run as root, so it runs as another user then.

    `durable=False` trades fsync for speed: right for all tests but those that cut the power.
    """

    def __init__(self, *, durable: bool = False, settings: dict[str, str] | None = None) -> None:
        super().__init__()
        self.settings = {
            "listen_addresses": HOST,
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "max_connections": "200",
            **({} if durable else {"fsync": "off", "synchronous_commit": "off"}),
            **(settings or {}),
        }
        self.data = self.folder / "data"
        self.user = "postgres"

    @property
    def url(self) -> str:
        return f"postgres://{self.user}@{HOST}:{self.port}/postgres"

    @property
    def version(self) -> str:
        number = output(found("postgres"), "--version").split()[2]
        return f"PostgreSQL {number.split('.')[0]}"

    def start(self) -> None:
        if not self.data.exists():
            self._initialise()
        super().start()

    def _initialise(self) -> None:
        if os.geteuid() == 0:
            shutil.chown(self.folder, unprivileged_user())
        initdb = found("initdb")
        flags = ["--auth=trust", f"--username={self.user}", "--encoding=UTF8", "--locale=C"]
        command = as_another_user([initdb, "--no-sync", *flags, "--pgdata", str(self.data)])
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder)

    def command(self) -> list[str]:
        options = [f"--{name}={value}" for name, value in self.settings.items()]
        return as_another_user([found("postgres"), "-D", str(self.data), *options])

    def answers(self) -> bool:
        ready = [found("pg_isready"), "-q", "-h", HOST, "-p", str(self.port)]
        return subprocess.run(ready, check=False).returncode == 0


class RedisServer(Server):
    """Redis without persistence: a restart forgets everything, as FLUSHALL does."""

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    @property
    def version(self) -> str:
        return "Redis " + output(found("redis-server"), "--version").split("v=")[1].split(".")[0]

    def command(self) -> list[str]:
        options = {"--bind": HOST, "--port": str(self.port), "--dir": str(self.folder)}
        words = [word for option in options.items() for word in option]
        return [found("redis-server"), *words, "--save", "", "--appendonly", "no"]

    def answers(self) -> bool:
        with suppress(OSError), socket.create_connection((HOST, self.port), timeout=1) as client:
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        return False

    def flush(self) -> None:
        """Forget everything, as an operator's FLUSHALL does."""
        with socket.create_connection((HOST, self.port), timeout=5) as client:
            client.sendall(b"FLUSHALL\r\n")
            assert client.recv(16).startswith(b"+OK")


def children(parent: int) -> list[int]:
    """Return the processes that `parent` started."""
    table = [line.split() for line in output("ps", "-A", "-o", "pid=,ppid=").splitlines()]
    return [int(pid) for pid, ppid in table if int(ppid) == parent]


def free_port() -> int:
    """Return a port that is free now, and that the system gives to nobody by itself.

    A port that the system chose may be the near end of somebody's connection before it is used,
    or while its server is stopped; who tries to reach a stopped one can even meet himself.
    """
    while True:
        port = PORTS[secrets.randbelow(len(PORTS))]  # `random` is seeded alike in many processes
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("", port))  # at every address: the tests' mail servers use many
            _claim(port)
            return port


def _claim(port: int) -> None:
    """Keep other processes from choosing it too, before its server listens; OSError if one did.

    The name of a socket that is in no folder (Linux) is free again when its process ends.
    """
    if sys.platform == "linux":
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        claim.bind(f"\0mailer-tests-port-{port}")
        _claims.append(claim)


def find_program(name: str) -> str | None:
    """Return the path of a program in PATH or where Debian keeps those of PostgreSQL."""
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    newest_first = sorted(versions, key=lambda path: float(path.parent.name), reverse=True)
    return shutil.which(name, path=os.pathsep.join([*map(str, newest_first), os.environ["PATH"]]))


def missing_programs() -> list[str]:
    """Return what must be installed before the servers can run, by the names of the programs."""
    wanted = [*POSTGRES_PROGRAMS, "redis-server"]
    if os.geteuid() == 0:
        wanted.append("setpriv")
    return [name for name in wanted if find_program(name) is None]


def found(name: str) -> str:
    """Return the path of a program; raises RuntimeError when it is not installed."""
    path = find_program(name)
    if path is None:
        raise RuntimeError(f"{name} is not installed")
    return path


def output(*command: str) -> str:
    """Return what a program writes."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def unprivileged_user() -> str:
    """Return a user of this machine that is not root."""
    import pwd

    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in UNPRIVILEGED if name in known)


def as_another_user(command: list[str]) -> list[str]:
    """Return `command` so that root runs it as somebody else."""
    if os.geteuid() != 0:
        return command
    import grp
    import pwd

    entry = pwd.getpwnam(unprivileged_user())
    group = grp.getgrgid(entry.pw_gid).gr_name
    drop = ["--reuid", entry.pw_name, "--regid", group, "--clear-groups"]
    return ["setpriv", *drop, "--", *command]


def ending_with_us(command: list[str]) -> list[str]:
    """Return `command` so that it gets SIGINT when this process dies, where the system can."""
    if sys.platform != "linux" or shutil.which("setpriv") is None:
        return command
    # A shell lets what it runs in the background ignore SIGINT, and so do our children then.
    ending = ["env", "--default-signal=INT", "setpriv", "--pdeathsig", "INT"]
    return [*ending, *(command[1:] if command[0] == "setpriv" else ["--", *command])]


def main() -> int:
    """Say what is installed."""
    missing = missing_programs()
    if missing:
        print(  # noqa: T201
            f"PostgreSQL and Redis: not found ({', '.join(missing)}); what depends on them was "
            "not run. Debian: apt install postgresql redis-server"
        )
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
