"""The account of all processes, in Redis: who holds what. Each call is one round trip."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from delivery.destinations.allowance import Rate

Away = (RedisError, OSError)
"""What a call raises while Redis is away, full or not itself."""
PREFIX: Final = "mailer:destinations:"
AT_ONCE: Final = 200  # destinations in one report: Redis does nothing else meanwhile


@dataclass(frozen=True, slots=True)
class Crew:
    """Who takes part. `complete`: false just after Redis forgot, until all have told again."""

    workers: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """How a destination stands, with what others have open, and whether one of them waits."""

    level: int
    share: int  # how much of the level may be ours
    others: int
    waiting: bool


@dataclass(frozen=True, slots=True)
class Request:
    """Asks for connections to a destination. `workers` and `others` are as last seen."""

    name: str
    most: int
    version: int
    open: int
    wanted: int
    workers: int
    others: int


@dataclass(frozen=True, slots=True)
class Report:
    """What this process holds at a destination, and what happened there since the last one."""

    name: str
    most: int
    version: int
    open: int
    level: int
    served: int
    overloaded: bool


class Ledger:
    """One process's conversation with Redis; used by many threads. `seconds` bounds a wait."""

    def __init__(self, url: str, seconds: float, worker: str = "") -> None:
        self.worker = worker or f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._client = Redis.from_url(
            url,
            socket_timeout=seconds,
            socket_connect_timeout=seconds,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            driver_info=None,
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )
        self._open, self._report, self._mails, self._leave = (
            self._client.register_script(_script(name))
            for name in ("open", "report", "mails", "leave")
        )

    def open(self, request: Request) -> tuple[int, Crew, Standing]:
        """Return how many connections are granted. Raises Away, as all do."""
        answer = self._call(
            self._open,
            request.name,
            request.most,
            request.version,
            request.open,
            request.wanted,
            request.workers,
            request.others,
        )
        workers, recalling, granted, *figures = answer
        return granted, Crew(workers, not recalling), next(_standings(figures))

    def report(self, reports: Sequence[Report]) -> tuple[Crew, list[Standing]]:
        """Say that this process is alive, and what it holds; return how each stands."""
        standings: list[Standing] = []
        for begin in range(0, max(len(reports), 1), AT_ONCE):
            some = reports[begin : begin + AT_ONCE]
            words = [word for report in some for word in _words(report)]
            workers, recalling, *figures = self._call(self._report, *words)
            standings += _standings(figures)
        return Crew(workers, not recalling), standings

    def mails(self, name: str, rate: Rate, wanted: int) -> tuple[int, float]:
        """Return how many mails may go, and where that is none the seconds until one may."""
        taken, milliseconds = self._call(self._mails, name, rate.burst, rate.per_second, wanted)
        return taken, milliseconds / 1000

    def leave(self) -> None:
        """Give everything back."""
        self._call(self._leave)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _call(self, script: Any, *words: object) -> Any:
        return script(keys=[PREFIX], args=[self.worker, *words])


def _words(report: Report) -> Iterator[object]:
    yield from (report.name, report.most, report.version, report.open, report.level)
    yield from (report.served, int(report.overloaded))


def _standings(figures: list[int]) -> Iterator[Standing]:
    for i in range(0, len(figures), 4):
        level, share, others, waiting = figures[i : i + 4]
        yield Standing(level, share, others, bool(waiting))


def _script(name: str) -> str:
    folder = Path(__file__).with_name("lua")
    return (folder / "common.lua").read_text() + (folder / f"{name}.lua").read_text()
