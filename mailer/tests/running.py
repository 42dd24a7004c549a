"""`make run` as a process, for tests that use it as a newcomer does."""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

from mailer.development.programs import ROOT
from tests.servers import free_port

# The run must not see the settings of the tests.
ENVIRONMENT = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}


class Run:
    """`python -m mailer.development`, as `make run` starts it."""

    def __init__(self, var: Path, port: int, **settings: str) -> None:
        self.var, self.port, self.smtp_port = var, port, free_port()
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mailer.development"],
            cwd=ROOT,
            env=ENVIRONMENT
            | {"VAR": str(var), "PORT": str(port), "SMTP_PORT": str(self.smtp_port)}
            | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def until_ready(self) -> "Run":
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if line.startswith("ready"):
                return self
        raise AssertionError("\n".join(self.lines))

    def rest(self) -> str:
        return self.process.communicate(timeout=60)[0]

    def key(self) -> str:
        return next(line.split()[-1] for line in self.lines if line.startswith("  API key"))

    def pasted(self) -> str:
        """The command that it prints, as a person copies it."""
        start = next(n for n, line in enumerate(self.lines) if line.startswith("curl "))
        return "\n".join(self.lines[start : self.lines.index("", start)])

    def curl(self) -> list[str]:
        return shlex.split(self.pasted())

    def processes(self) -> set[int]:
        """Every live process with this VAR in its environment, whoever its parent is."""
        return {
            int(entry.name)
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and f"VAR={self.var}".encode() in environment_of(entry)
        }

    def kill_all(self) -> None:
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        self.process.wait()


def environment_of(entry: Path) -> list[bytes]:
    try:
        return (entry / "environ").read_bytes().split(b"\0")
    except OSError:  # gone, or a zombie's
        return []
