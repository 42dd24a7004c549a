"""SMTP sinks as processes: Debian's `smtp-sink`, and our own where it must know more."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import Self

from benchmarks.measure import until
from tests.servers import HOST, ending_with_us, found, free_port, unprivileged_user

START_SECONDS = 10.0
TAIL = 200  # bytes of the counter that are read


class Sink(ABC):
    """A sink in a folder; it counts what it took. A context manager."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.written = folder / f"sink-{self.port}.log"
        self.process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """What runs in the foreground."""

    @abstractmethod
    def taken(self) -> int:
        """Return how many mails it took."""

    def __enter__(self) -> Self:
        with self.written.open("wb") as log:
            self.process = subprocess.Popen(
                ending_with_us(self.command()), stdout=log, stderr=subprocess.STDOUT
            )
        until(lambda: listens(self.port), "the sink answered", START_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(10)

    def pids(self) -> list[int]:
        """Return its process, to be measured."""
        return [self.process.pid] if self.process else []

    def relay_url(self) -> str:
        """Return it as our setting."""
        return f"smtp://{HOST}:{self.port}?tls=none"


class SmtpSink(Sink):
    """Debian's: C, PIPELINING, no CHUNKING."""

    def command(self) -> list[str]:
        user = ["-u", unprivileged_user()]
        return [found_in_sbin("smtp-sink"), "-c", *user, f"{HOST}:{self.port}", "256"]

    def taken(self) -> int:
        with self.written.open("rb") as counter:
            counter.seek(max(0, self.written.stat().st_size - TAIL))
            counts = re.findall(rb"mesg=(\d+)", counter.read())
        return int(counts[-1]) if counts else 0


class OwnSink(Sink):
    """`benchmarks.sink`: CHUNKING too; tells when a watched address arrived, keeps mails."""

    def __init__(self, folder: Path, *, keep: Path | None = None) -> None:
        super().__init__(folder)
        self.keep = keep

    def command(self) -> list[str]:
        words = [str(self.port), *([str(self.keep)] if self.keep else [])]
        return [sys.executable, "-m", "benchmarks.sink", *words]

    def taken(self) -> int:
        return int(self._ask()[0])

    def most_connections(self) -> int:
        """Return how many connections were open at once, ours for asking left out."""
        return int(self._ask()[1])

    def arrivals(self) -> dict[str, float]:
        """Return when each watched address got its mail, by `time.monotonic`."""
        lines = [line.split() for line in self.written.read_text().splitlines()]
        return {address: float(moment) for address, moment in lines}

    def asked_at(self) -> int:
        """Return the port that answers XCOUNT."""
        return self.port

    def _ask(self) -> list[str]:
        with socket.create_connection((HOST, self.asked_at()), timeout=5) as client:
            client.sendall(b"XCOUNT\r\n")
            said = b""
            while said.count(b"\n") < 2:
                said += client.recv(200)
            return said.decode().splitlines()[1].split()[1:]


class FarSink(OwnSink):
    """Our own sink behind `benchmarks.delay`: `port` is the near end."""

    def __init__(self, folder: Path, round_trip: float) -> None:
        super().__init__(folder)
        self._there, self._way = self.port, round_trip / 2
        self._delay: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        super().__enter__()
        self.port = free_port()
        words = [str(self.port), str(self._there), str(self._way)]
        command = [sys.executable, "-m", "benchmarks.delay", *words]
        self._delay = subprocess.Popen(ending_with_us(command))
        until(lambda: listens(self.port), "the delaying proxy answered", START_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        if self._delay:
            self._delay.terminate()
            self._delay.wait(10)
        super().__exit__()

    def pids(self) -> list[int]:
        """Return both processes: distance costs nobody's processor but this one's."""
        return [*super().pids(), *([self._delay.pid] if self._delay else [])]

    def asked_at(self) -> int:
        """Return where to ask: near the sink."""
        return self._there


def listens(port: int) -> bool:
    """Tell whether somebody takes connections there."""
    with suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return True
    return False


def found_in_sbin(name: str) -> str:
    """Return the path of a program that Debian keeps for root."""
    path = Path("/usr/sbin") / name
    return str(path) if path.exists() else found(name)
