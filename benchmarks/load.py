"""Load over HTTP by `wrk`: keep-alive connections that ask again as soon as they are answered."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.servers import HOST, found

CONNECTIONS = 64  # as many as the threads of the web server
WARM_UP_SECONDS = 2
REPORT = """
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\\nSUMMARY {"answered": %d, "seconds": %f, "refused": %d, "broken": %d}\\n',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What became of the requests. `refused` are those answered 400 and above, `broken` others."""

    answered: int
    seconds: float
    refused: int
    broken: int

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return (self.answered - self.refused) / self.seconds


def command(port: int, script: Path, seconds: float) -> list[str]:
    """Return the command that runs a script of `getting` or `posting`."""
    words = ["-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", "--timeout", "20s"]
    return [found("wrk"), *words, "-s", str(script), f"http://{HOST}:{port}"]


def applied(port: int, script: Path, seconds: float) -> Load:
    """Run a script and return what became of it; raises RuntimeError where anything went wrong."""
    done = subprocess.run(
        command(port, script, seconds), capture_output=True, text=True, check=True
    )
    load = read(done.stdout)
    if load.refused or load.broken:
        raise RuntimeError(f"not everything was answered well: {load}")
    return load


def read(said: str) -> Load:
    """Return what the script reports."""
    return Load(**json.loads(said.rpartition("SUMMARY ")[2]))


def getting(path: Path, paths: Sequence[str]) -> Path:
    """Write a script that asks for `paths` in turn, from the start when it is through."""
    listed = path.with_suffix(".txt")
    listed.write_text("\n".join(paths) + "\n")
    path.write_text(
        f"""
local paths, at = {{}}, 0
for line in io.lines("{listed}") do paths[#paths + 1] = line end
request = function()
  at = at % #paths + 1
  return wrk.format("GET", paths[at])
end
{REPORT}"""
    )
    return path


def posting(path: Path, body: str, mark: str, key: str) -> Path:
    """Write a script that posts `body`, each time with another number in the place of `mark`."""
    content = path.with_suffix(".json")
    content.write_text(body)
    path.write_text(
        f"""
local body, at = io.open("{content}"):read("*a"), 0
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer {key}"
request = function()
  at = at + 1
  return wrk.format("POST", "/api/emails", nil, (body:gsub("{mark}", string.format("%08d", at))))
end
{REPORT}"""
    )
    return path
