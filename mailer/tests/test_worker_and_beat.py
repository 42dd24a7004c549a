"""Celery's worker and beat as processes of their own, on SQLite and the embedded broker."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailer.development.programs import ROOT

# Every second beat sends a task that Celery itself brings along.
SCHEDULE = """
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django_celery_beat.models import IntervalSchedule, PeriodicTask
second = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.SECONDS)
PeriodicTask.objects.create(name="every second", task="celery.accumulate", interval=second)
"""

# What a worker does with a broker that can do all of it.
STEPS = """
from mailer.celery import app
print(*sorted(step.__class__.__name__ for step in app.Worker().consumer.steps))
"""


class Machine:
    """A data folder, and the processes that work on it."""

    def __init__(self, var: Path) -> None:
        self.queue = var / "broker" / "celery.queue"
        self.environment = dict(os.environ) | {
            "VAR": str(var),
            "DJANGO_SETTINGS_MODULE": "mailer.settings",
        }
        for name in ("DATABASE_URL", "REDIS_URL"):
            self.environment.pop(name, None)
        self.processes: list[subprocess.Popen[str]] = []

    def python(self, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.processes.append(process)
        return process

    def celery(self, *arguments: str) -> subprocess.Popen[str]:
        return self.python("-m", "celery", "-A", "mailer", *arguments)

    def waiting(self) -> list[Path]:
        return list(self.queue.glob("*.message"))


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    yield machine
    for process in machine.processes:
        process.kill()
        process.wait()


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 30
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def asked_to_end(process: subprocess.Popen[str]) -> str:
    """Return what a process wrote, once SIGTERM has ended it in order."""
    process.send_signal(signal.SIGTERM)
    output = process.communicate(timeout=20)[0]
    assert process.returncode == 0, output
    return output


def test_beat_rings_and_the_worker_hears_it(machine: Machine) -> None:
    assert machine.python("-c", SCHEDULE).wait(60) == 0

    beat = machine.celery("beat")
    assert eventually(lambda: len(machine.waiting()) > 0)
    assert eventually((machine.queue.parents[1] / "beat.alive").exists)
    assert "mailer.clock.Clock" in asked_to_end(beat)

    empty = machine.queue / "00000000000000000001-killed.message"
    empty.touch()
    worker = machine.celery("worker", "--loglevel", "INFO")
    assert eventually(lambda: machine.waiting() == [])
    assert worker.poll() is None
    output = asked_to_end(worker)
    assert "(solo)" in output
    assert f"removed a message that can't be read: {empty}" in output


def test_worker_does_not_end_with_a_broker_that_dies_while_it_greets_others(
    machine: Machine,
) -> None:
    machine.environment["REDIS_URL"] = "redis://127.0.0.1:1/0"
    steps = machine.python("-c", STEPS).communicate(timeout=60)[0].split()
    assert {"Connection", "Tasks"} <= {*steps}
    assert not {"Mingle", "Gossip", "Heart"} & {*steps}
