"""Where the time of composing goes: microseconds of processor time a mail, step by step."""

from __future__ import annotations

import json
from collections.abc import Iterable

from benchmarks import ours
from benchmarks.peers.project import run_python
from benchmarks.report import Row, one
from benchmarks.stage import Stage

MAILS = 1_000


def run(stage: Stage) -> Iterable[Row]:
    """Measure each step in a process of the platform's; for information."""
    platform = ours.Platform(stage, stage.databases.make("composing"), "")
    said = run_python(platform.environment, "benchmarks.composing", str(stage.extent.of(MAILS)))
    for step, microseconds in json.loads(said).items():
        yield Row(f"composing: {step.replace('_', ' ')}", "µs", one(microseconds))
