"""`make outage`: what callers and readers notice while Redis and beat are away.

Prints a table, and exits with status 1 where something is not as promised: every POST is accepted,
at the 99th percentile at most 250 ms slower than before; mail goes on flowing; every worker hears
bells again within a minute of the return.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import requests

from tests.servers import HOST, PostgresServer, RedisServer, free_port
from tests.system import START_SECONDS, System, wait_until

SETTINGS: Final = {
    "SECRET_KEY": "outage-only-outage-only-outage-only-outage-only-outage-only",
    "TRACKING_KEYS": "outage-only-0123456789abcdef0123456789abcdef",
    "ENCRYPTION_KEYS": "outage-only-fedcba9876543210fedcba9876543210",
    "MAIL_TRANSPORT": "capture",
    "ALLOW_ANY_FROM": "true",
    "LOOK_SECONDS": "2",
}
WORKERS: Final = ("worker-1", "worker-2")
CALM_SECONDS: Final = 30.0  # before the loss, and after the return
POSTS_A_SECOND: Final = 20.0
SLOWER: Final = 0.25  # seconds, at the 99th percentile
FLOWS: Final = 10.0  # seconds from POST to delivered, for each mail: a pump looks every two
HEARD: Final = 60.0  # seconds from the return until every worker hears bells
DELIVERED: Final = """
    SELECT e.public_id, min(d.timestamp) FROM emails e JOIN email_events d ON d.email_id = e.id
    WHERE d.type = 'deliver' GROUP BY e.public_id
"""


@dataclass(slots=True)
class Phase:
    """What was posted in a part of the run: status and seconds of each answer, and when by id."""

    name: str
    answers: list[tuple[int, float]] = field(default_factory=list)
    posted: dict[str, float] = field(default_factory=dict)  # seconds since the epoch

    def percentile(self, percent: int) -> float:
        """Return the seconds that so many of a hundred answers took at most."""
        return statistics.quantiles([taken for _, taken in self.answers], n=100)[percent - 1]

    def waits(self, delivered: dict[str, float]) -> list[float]:
        """Return the seconds from POST to delivered of those that were."""
        return [delivered[one] - at for one, at in self.posted.items() if one in delivered]


class Caller(threading.Thread):
    """Posts at a steady pace into the phase that is set, until `ended` is."""

    def __init__(self, system: System, phase: Phase) -> None:
        super().__init__(daemon=True)
        self._system, self.phase = system, phase
        self.ended = threading.Event()

    def run(self) -> None:
        """Post."""
        due = time.monotonic()
        while not self.ended.wait(max(0, due - time.monotonic())):
            self._post(self.phase)
            due = max(due + 1 / POSTS_A_SECOND, time.monotonic() - 1)

    def _post(self, phase: Phase) -> None:
        at, begins = time.time(), time.perf_counter()
        try:
            answer = self._system.post()
        except requests.RequestException:
            phase.answers.append((0, time.perf_counter() - begins))
            return
        phase.answers.append((answer.status_code, time.perf_counter() - begins))
        if answer.status_code == 202:
            phase.posted[answer.json()["message_id"]] = at


def run(folder: Path, seconds: float, how: str) -> tuple[list[Phase], dict[str, float], float]:
    """Return the phases, when each mail was delivered, and the seconds until a bell was heard."""
    with PostgresServer(durable=True) as postgres, RedisServer() as redis:
        urls = {"DATABASE_URL": postgres.url, "REDIS_URL": redis.url}
        with System(folder, **SETTINGS, **urls) as system:
            return _observe(system, redis, seconds, how)


def _observe(
    system: System, redis: RedisServer, seconds: float, how: str
) -> tuple[list[Phase], dict[str, float], float]:
    before, during, after = phases = [Phase("before"), Phase("away"), Phase("after")]
    ports = _start(system)
    caller = Caller(system, Phase("beginning"))
    caller.start()
    wait_until(lambda: all(map(hears, ports)), START_SECONDS)
    caller.phase = before
    time.sleep(CALM_SECONDS)
    caller.phase = during
    bring_back = lose(redis, how)
    system.kill("beat")
    time.sleep(seconds)
    bring_back()
    returned = time.monotonic()
    system.start_beat()
    caller.phase = after
    heard = seconds_until_all_hear(ports, returned)
    time.sleep(CALM_SECONDS)
    caller.ended.set()
    caller.join()
    time.sleep(FLOWS)
    delivered = {name: at.timestamp() for name, at in system.query(DELIVERED)}
    return phases, delivered, heard


def _start(system: System) -> list[int]:
    """Start web, workers and beat; return the ports at which the workers tell what they do."""
    system.start_web()
    ports = [free_port() for _ in WORKERS]
    for name, port in zip(WORKERS, ports, strict=True):
        system.environment["METRICS_PORT"] = str(port)
        system.start_worker(name)
    del system.environment["METRICS_PORT"]
    for port in ports:
        wait_until(lambda port=port: answers(port), START_SECONDS)
    system.start_beat()
    return ports


def answers(port: int) -> bool:
    """Whether a worker tells."""
    with suppress(requests.RequestException):
        return looks(port) > 0
    return False


def lose(redis: RedisServer, how: str) -> Callable[[], None]:
    """Have Redis die, or fall silent with its connections open; return what brings it back."""
    if how == "paused":
        redis.pause()
        return redis.resume
    redis.kill()
    return redis.start


def looks(port: int) -> float:
    """Return how often a worker has looked for work: by itself every two seconds, or at a bell."""
    page = requests.get(f"http://{HOST}:{port}/metrics", timeout=5).text
    return float(re.search(r"^mailer_claim_seconds_count (\S+)$", page, re.MULTILINE)[1])


def hears(port: int) -> bool:
    """Whether a worker hears bells now: without them it looks once or twice in a second."""
    already = looks(port)
    time.sleep(1)
    return looks(port) >= already + 6


def seconds_until_all_hear(ports: list[int], returned: float) -> float:
    """Return how long after the return every worker hears bells; infinite after two minutes."""
    while time.monotonic() < returned + 2 * HEARD:
        if all(map(hears, ports)):
            return time.monotonic() - returned
    return float("inf")


def broken(phases: list[Phase], delivered: dict[str, float], heard: float) -> list[str]:
    """Return the promises that do not hold, as sentences."""
    before, during, after = phases
    refused = sum(status != 202 for phase in phases for status, _ in phase.answers)
    lost = sum(one not in delivered for phase in phases for one in phase.posted)
    slower = during.percentile(99) - before.percentile(99)
    longest = max(during.waits(delivered) + after.waits(delivered), default=float("inf"))
    found = {
        f"{refused} requests were not accepted": refused > 0,
        f"{lost} accepted mails were not delivered": lost > 0,
        f"p99 was {slower * 1000:.0f} ms slower": slower > SLOWER,
        f"a mail waited {longest:.1f} s": longest > FLOWS,
        f"not every worker heard bells after {HEARD:.0f} s": heard > HEARD,
    }
    return [sentence for sentence, is_so in found.items() if is_so]


def table(phases: list[Phase], delivered: dict[str, float], heard: float) -> str:
    """Return the lines that a person reads."""
    columns = ("Redis and beat", "POSTs", "p50 ms", "p99 ms", "accepted", "delivered", "longest s")
    lines = ["".join(f"{name:>15}" for name in columns)]
    for phase in phases:
        waits = phase.waits(delivered)
        cells = [phase.name, str(len(phase.answers))]
        cells += [f"{phase.percentile(percent) * 1000:.1f}" for percent in (50, 99)]
        cells += [str(len(phase.posted)), str(len(waits)), f"{max(waits, default=0):.2f}"]
        lines.append("".join(f"{cell:>15}" for cell in cells))
    return "\n".join([*lines, f"every worker hears bells {heard:.1f} s after the return"])


def main() -> int:
    """Read the arguments, run, and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.outage", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--how", choices=("killed", "paused"), default="killed")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="mailer-outage-"))
    said = f"Redis {arguments.how} and beat gone for {arguments.seconds:.0f} s; logs in {folder}\n"
    sys.stdout.write(said)
    sys.stdout.flush()
    ran = run(folder / "var", arguments.seconds, arguments.how)
    sentences = broken(*ran)
    lines = [table(*ran), *(sentences or ["everything as promised"])]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if sentences else 0


if __name__ == "__main__":
    sys.exit(main())
