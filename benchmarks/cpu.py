"""CPU time by kind of process, from /proc: it says where time goes, and noise hardly moves it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
Roots = Callable[[], Iterable[int]]


class Meter:
    """Counts what trees of processes use between `begin` and `used`.

    `kinds` says for each kind which processes its trees grow from; it is asked at each end, because
    processes come and go. What a process used before it ended is kept by its parent.
    """

    def __init__(self, kinds: Mapping[str, Roots]) -> None:
        self._kinds = kinds
        self._before: dict[str, float] = {}

    def begin(self) -> None:
        """Count from now on."""
        self._before = self._now()

    def used(self) -> dict[str, float]:
        """Return CPU seconds by kind since `begin`."""
        return {kind: now - self._before.get(kind, 0.0) for kind, now in self._now().items()}

    def _now(self) -> dict[str, float]:
        table = _processes()
        return {kind: _tree(roots(), table) for kind, roots in self._kinds.items()}


def per_mail(seconds: Mapping[str, float], mails: int) -> dict[str, float]:
    """Return microseconds a mail."""
    return {kind: round(used / mails * 1e6, 1) for kind, used in seconds.items()}


def resident(pid: int) -> float:
    """Return the memory that a process holds, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def _tree(roots: Iterable[int], table: dict[int, tuple[int, float]]) -> float:
    """Sum what the processes used that grow from `roots`."""
    inside = set(roots)
    while more := {pid for pid, (parent, _) in table.items() if parent in inside} - inside:
        inside |= more
    return sum(table[pid][1] for pid in inside if pid in table)


def _processes() -> dict[int, tuple[int, float]]:
    """Return the parent and the CPU seconds of every process, with those of its ended children."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            found[int(folder.name)] = (int(words[1]), sum(map(int, words[11:15])) / TICKS)
    return found
