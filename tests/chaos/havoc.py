"""Kills, pauses, empties and restarts the parts of the platform, one after the other, by a seed."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

from tests.chaos.stage import BEATS, CONNECTIONS, LEASE_SECONDS, PROCESSES, WORKERS, Stage
from tests.servers import Server

GRACE_SECONDS = 10.0  # within which a worker or a beat must end after SIGTERM
WEB_GRACE_SECONDS = 15.0  # granian does not hear it while it starts, and then takes ten
READY_SECONDS = 15.0  # for which a rolling restart waits before it goes on
TICK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Repair:
    """How something that is down comes back, and from when on (monotonic)."""

    due: float
    restore: Callable[[], bool]  # False: not yet


class Havoc:
    """Breaks one thing at a time while earlier ones are still broken; `repair_all` ends it.

    `deeds` counts what was done. `repeatable` is the most mails that the deeds can have made
    ambiguous: one for each connection of a worker that could not record its outcome. `faults`
    says what the platform did that it must not: end by itself, or not end when asked to.
    """

    def __init__(self, stage: Stage, *, rolling_only: bool = False) -> None:
        self._stage = stage
        self._dice = Random(f"{stage.seed} havoc")
        self._broken: dict[str, Repair] = {}
        self._log = (stage.folder / "havoc.log").open("a", buffering=1)
        self.deeds: Counter[str] = Counter()
        self.repeatable = 0
        self.faults: list[str] = []
        self._deeds: dict[Callable[[], None], int] = {self._roll: 2}
        if not rolling_only:
            self._deeds |= self._violence()

    def _violence(self) -> dict[Callable[[], None], int]:
        deeds: dict[Callable[[], None], int] = {
            self._kill_worker: 6,
            self._pause_worker: 4,
            self._kill_web: 3,
            self._kill_beat: 2,
        }
        if self._stage.postgres and self._stage.redis:
            deeds |= {self._restart_postgres: 3, self._kill_redis: 2, self._flush_redis: 2}
        if self._stage.transport == "mx":
            deeds[self._silence_names] = 2
        return deeds

    def run(self, seconds: float) -> None:
        """Break and repair for that long."""
        ends = time.monotonic() + seconds
        again = time.monotonic() + 1
        while time.monotonic() < ends:
            self._tend()
            if time.monotonic() >= again:
                deeds, weights = list(self._deeds), list(self._deeds.values())
                self._dice.choices(deeds, weights)[0]()
                again = time.monotonic() + self._dice.uniform(0.5, 3)
            time.sleep(TICK_SECONDS)

    def repair_all(self) -> None:
        """Bring everything back."""
        while self._broken:
            self._tend(at_once=True)
            time.sleep(TICK_SECONDS)

    def watch(self) -> None:
        """Start again what ended by itself, as a supervisor does, and keep it as a fault."""
        for name in PROCESSES:
            if name not in self._broken and not self._stage.runs(name):
                status = self._stage.system.processes[name].returncode
                self.faults.append(f"{name} ended by itself with status {status}")
                self._stage.launch(name)

    def _tend(self, at_once: bool = False) -> None:
        self.watch()
        for name, repair in list(self._broken.items()):
            if (at_once or time.monotonic() >= repair.due) and repair.restore():
                del self._broken[name]
                self._write(f"{name} is back")

    def _later(self, name: str, seconds: float, restore: Callable[[], bool]) -> None:
        self._broken[name] = Repair(time.monotonic() + seconds, restore)

    def _whole(self, names: tuple[str, ...]) -> str | None:
        """Choose one of those that are not broken already."""
        whole = [name for name in names if name not in self._broken]
        return self._dice.choice(whole) if whole else None

    def _write(self, line: str) -> None:
        self._log.write(f"{datetime.now(UTC):%H:%M:%S.%f} {line}\n")

    def _did(self, deed: str, to: str) -> None:
        self.deeds[deed] += 1
        self._write(f"{deed}: {to}")

    # The deeds

    def _kill_worker(self) -> None:
        if name := self._whole(WORKERS):
            self.repeatable += CONNECTIONS
            self._kill(name)

    def _kill_web(self) -> None:
        if name := self._whole(("web",)):
            self._kill(name)

    def _kill_beat(self) -> None:
        if name := self._whole(BEATS):
            self._kill(name)

    def _kill(self, name: str) -> None:
        self._did(f"kill -9 {name.partition('-')[0]}", name)
        self._stage.signal(name, signal.SIGKILL)
        self._later(name, self._dice.uniform(0, 3), lambda: self._launched(name))

    def _pause_worker(self) -> None:
        if name := self._whole(WORKERS):
            self._did("worker paused past its lease", name)
            self.repeatable += CONNECTIONS
            self._stage.signal(name, signal.SIGSTOP)
            self._later(name, self._dice.uniform(1.2, 2) * LEASE_SECONDS, lambda: self._woken(name))

    def _roll(self) -> None:
        """Ask every process that is well to end, and start it again; then the next."""
        names = [name for name in PROCESSES if name not in self._broken]
        self._did("rolling restart (SIGTERM)", " ".join(names))
        for name in names:
            self._end_orderly(name)
            self._stage.launch(name)
            ends = time.monotonic() + READY_SECONDS
            while not self._stage.is_ready(name) and time.monotonic() < ends:
                self._tend()
                time.sleep(TICK_SECONDS)

    def _end_orderly(self, name: str) -> None:
        process = self._stage.system.processes[name]
        self._write(f"SIGTERM to {name}")
        process.terminate()
        grace = WEB_GRACE_SECONDS if name == "web" else GRACE_SECONDS
        ends = time.monotonic() + grace
        self._broken[name] = Repair(ends, lambda: False)  # whoever watches: it may end now
        while process.poll() is None and time.monotonic() < ends:
            self._tend()
            time.sleep(TICK_SECONDS)
        if process.poll() is None:
            self.faults.append(f"{name} did not end within {grace:.0f} s of SIGTERM")
            self._stage.signal(name, signal.SIGABRT)  # its stacks go to its log
            time.sleep(TICK_SECONDS)
            self._stage.signal(name, signal.SIGKILL)
        self._write(f"{name} has ended")
        del self._broken[name]

    def _restart_postgres(self) -> None:
        server = self._stage.postgres
        if server and "postgres" not in self._broken:
            self._did("PostgreSQL stopped at once (SIGQUIT)", server.version)
            self.repeatable += CONNECTIONS * len(WORKERS)
            server.stop(signal.SIGQUIT)
            self._later("postgres", self._dice.uniform(0, 4), lambda: _started(server))

    def _kill_redis(self) -> None:
        server = self._stage.redis
        if server and "redis" not in self._broken:
            self._did("kill -9 Redis", server.version)
            server.kill()
            self._later("redis", self._dice.uniform(0, 6), lambda: _started(server))

    def _flush_redis(self) -> None:
        if self._stage.redis and "redis" not in self._broken:
            self._did("FLUSHALL", self._stage.redis.version)
            self._stage.redis.flush()

    def _silence_names(self) -> None:
        if "names" not in self._broken:
            self._did("DNS silent", "names")
            self._stage.signal("names", signal.SIGSTOP)
            self._later("names", self._dice.uniform(1, 12), lambda: self._woken("names"))

    # How it comes back

    def _launched(self, name: str) -> bool:
        self._stage.launch(name)
        return True

    def _woken(self, name: str) -> bool:
        self._stage.signal(name, signal.SIGCONT)
        return True


def _started(server: Server) -> bool:
    server.start()
    return True
