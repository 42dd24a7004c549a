"""Rounds: every contender in turn, again and again; medians of what came out."""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

STALL_SECONDS = 120.0
POLL_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Sample:
    """What one contender came to in one round; `cpu` in microseconds a mail, by process kind."""

    value: float
    cpu: Mapping[str, float] = field(default_factory=dict)


Contender = Callable[[], Sample]


@dataclass(frozen=True, slots=True)
class Result:
    """The rounds of one contender."""

    samples: tuple[Sample, ...]

    @property
    def value(self) -> float:
        """The median."""
        return statistics.median(sample.value for sample in self.samples)

    @property
    def cpu(self) -> dict[str, float]:
        """The medians, by process kind."""
        kinds = self.samples[0].cpu
        return {
            kind: statistics.median(sample.cpu.get(kind, 0.0) for sample in self.samples)
            for kind in kinds
        }

    @property
    def cpu_in_all(self) -> float:
        """Microseconds of all kinds of processes."""
        return sum(self.cpu.values())


def alternate(rounds: int, contenders: Mapping[str, Contender]) -> dict[str, Result]:
    """Let each contender run once a round, in order."""
    samples: dict[str, list[Sample]] = {name: [] for name in contenders}
    for number in range(1, rounds + 1):
        for name, run in contenders.items():
            sample = run()
            samples[name].append(sample)
            say(f"  round {number}: {name}: {sample.value:,.1f}  {_shown(sample.cpu)}")
    return {name: Result(tuple(taken)) for name, taken in samples.items()}


def best(results: Mapping[str, Result], names: list[str]) -> tuple[str, Result]:
    """Return the contender with the highest figure, and its name."""
    name = max(names, key=lambda name: results[name].value)
    return name, results[name]


def until(reached: Callable[[], bool], what: str, seconds: float = STALL_SECONDS) -> float:
    """Wait for what must happen and return when it did, by `time.monotonic`."""
    ends = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > ends:
            raise RuntimeError(f"within {seconds:.0f} s it did not happen that {what}")
        time.sleep(POLL_SECONDS)
    return time.monotonic()


def percentile(values: list[float], share: float) -> float:
    """Return the smallest value that `share` (0 to 1) of all do not pass."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


def say(line: str) -> None:
    """Tell whoever watches."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _shown(cpu: Mapping[str, float]) -> str:
    if not cpu:
        return ""
    return "µs each: " + ", ".join(f"{kind} {used:,.0f}" for kind, used in cpu.items())
