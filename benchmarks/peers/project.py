"""Runs the processes of a peer's project."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.servers import ending_with_us
from tests.system import ROOT


class Project:
    """A Django project under `benchmarks/peers`, on a database of its own."""

    def __init__(self, name: str, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": f"benchmarks.peers.{name}.settings",
            **environment,
        }

    def run(self, *arguments: str) -> str:
        """Run `python -m …` to its end and return what it writes; raises with its errors."""
        return run_python(self.environment, *arguments)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start `python -m …`; its output goes to a file in the folder."""
        with (self.folder / "peer.log").open("ab") as log:
            return subprocess.Popen(
                ending_with_us([sys.executable, "-m", *arguments]),
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
            )


def run_python(environment: Mapping[str, str], *arguments: str) -> str:
    """Run `python -m …` to its end and return what it writes; raises RuntimeError."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{arguments} failed:\n{done.stderr[-3000:]}")
    return done.stdout


def ended(process: subprocess.Popen[bytes]) -> None:
    """End a process orderly, or else at once."""
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
