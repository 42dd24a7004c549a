"""What the figures were taken on."""

from __future__ import annotations

import os
import platform
import re
import time
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from benchmarks.stage import Stage

SIGNATURES = 100
PACKAGES = ("django", "celery", "granian", "psycopg", "django-post_office", "django-celery-email")


def described(stage: Stage) -> dict[str, object]:
    """Return the machine and the versions of what took part."""
    return {
        "taken": datetime.now(UTC).isoformat(timespec="minutes"),
        "cores": len(os.sched_getaffinity(0)),
        "processor": _found("/proc/cpuinfo", r"model name\s*: (.*)"),
        "RSA-2048 signature": f"{_signature() * 1e6:.0f} µs",
        "memory": _found("/proc/meminfo", r"MemTotal:\s*(.*)"),
        "kernel": platform.release().partition("-")[0],
        "python": platform.python_version(),
        "servers": [stage.postgres.version, stage.redis.version],
        "packages": {name: _version(name) for name in PACKAGES},
        "rounds": stage.extent.rounds,
        "scale": stage.extent.scale,
    }


def _signature() -> float:
    """Return the seconds that a signature takes: processors differ in it more than in all else."""
    key = rsa.generate_private_key(65537, 2048)
    best = float("inf")
    for _ in range(5):
        begins = time.process_time()
        for _ in range(SIGNATURES):
            key.sign(b"", padding.PKCS1v15(), hashes.SHA256())
        best = min(best, time.process_time() - begins)
    return best / SIGNATURES


def _found(path: str, pattern: str) -> str:
    match = re.search(pattern, Path(path).read_text(encoding="utf-8"))
    return match[1] if match else "unknown"


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"
