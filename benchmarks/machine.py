"""What the figures were taken on."""

from __future__ import annotations

import os
import platform
import re
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from benchmarks.stage import Stage

PACKAGES = ("django", "celery", "granian", "psycopg", "django-post_office", "django-celery-email")


def described(stage: Stage) -> dict[str, object]:
    """Return the machine and the versions of what took part."""
    return {
        "taken": datetime.now(UTC).isoformat(timespec="minutes"),
        "cores": len(os.sched_getaffinity(0)),
        "processor": _found("/proc/cpuinfo", r"model name\s*: (.*)"),
        "memory": _found("/proc/meminfo", r"MemTotal:\s*(.*)"),
        "kernel": platform.release().partition("-")[0],
        "python": platform.python_version(),
        "servers": [stage.postgres.version, stage.redis.version],
        "packages": {name: _version(name) for name in PACKAGES},
        "rounds": stage.extent.rounds,
        "scale": stage.extent.scale,
    }


def _found(path: str, pattern: str) -> str:
    match = re.search(pattern, Path(path).read_text(encoding="utf-8"))
    return match[1] if match else "unknown"


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"
