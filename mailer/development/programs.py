"""Web, worker, beat and mail server as child processes that can't outlive us."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LEASH = Path(__file__).with_name("leash.py")
GRACE_SECONDS = 9.0
HOST = "127.0.0.1"
# Whoever tries this as root in a container need not be warned by Celery at each start.
CALM = {"PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "ignore:You're running the worker"}


@dataclass(frozen=True, slots=True)
class Program:
    """What is run, as arguments of the Python that runs us."""

    name: str
    arguments: tuple[str, ...]


def programs(port: int) -> list[Program]:
    """Return what `make run` consists of."""
    celery = ("-m", "celery", "--quiet", "--app", "mailer")
    return [
        Program("web", ("-m", "granian", *_granian(port), "mailer.wsgi:application")),
        Program("worker", (*celery, "worker", "--loglevel", "WARNING")),
        Program("beat", (*celery, "beat", "--loglevel", "WARNING")),
        Program("smtp", ("manage.py", "mailserver")),
    ]


def _granian(port: int) -> list[str]:
    return [
        *("--interface", "wsgi", "--host", HOST, "--port", str(port), "--no-ws"),
        *("--workers", "1", "--blocking-threads", "4", "--backpressure", "64"),
        *("--log-level", "warning", "--workers-kill-timeout", "5"),
    ]


class Leashed:
    """A running program. It ends when `let_go` is called and when this process dies, however."""

    def __init__(self, program: Program) -> None:
        self.name = program.name
        self.process = subprocess.Popen(
            # Isolated and without site-packages: the leash needs neither.
            [
                *(sys.executable, "-I", "-S", str(LEASH), f"{program.name:<6}"),
                *(str(GRACE_SECONDS), sys.executable, *program.arguments),
            ],
            stdin=subprocess.PIPE,
            cwd=ROOT,
            env=os.environ | CALM,
            start_new_session=True,
        )

    @property
    def status(self) -> int | None:
        """The exit status, or None while it runs."""
        return self.process.poll()

    def let_go(self) -> None:
        """Ask the program to end, and return at once."""
        assert self.process.stdin
        with suppress(BrokenPipeError):
            self.process.stdin.close()

    def wait(self) -> int:
        """Wait for the end, which the leash brings about within the grace."""
        return self.process.wait(GRACE_SECONDS + 5)
