"""What the figures were taken on."""

from __future__ import annotations

import os
import platform
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from benchmarks.stage import Stage

SIGNATURES = 100
STEPS = 1_000_000
PACKAGES = ("django", "celery", "granian", "psycopg", "django-post_office", "django-celery-email")


def described(stage: Stage) -> dict[str, object]:
    """Return the machine and the versions of what took part."""
    return {
        "taken": datetime.now(UTC).isoformat(timespec="minutes"),
        "cores": len(os.sched_getaffinity(0)),
        "processor": _found("/proc/cpuinfo", r"model name\s*: (.*)"),
        "RSA-2048 signature": f"{_signature() * 1e6:.0f} µs",
        "a million steps of a loop": f"{_loop() * 1e3:.0f} ms",
        "memory": _found("/proc/meminfo", r"MemTotal:\s*(.*)"),
        "kernel": platform.release().partition("-")[0],
        "python": f"{platform.python_version()}, {platform.python_compiler()}",
        "servers": [stage.postgres.version, stage.redis.version],
        "packages": {name: _version(name) for name in PACKAGES},
        "rounds": stage.extent.rounds,
        "scale": stage.extent.scale,
    }


def _signature() -> float:
    """Return the seconds that a signature takes: processors differ in it more than in all else."""
    key = rsa.generate_private_key(65537, 2048)

    def sign() -> None:
        for _ in range(SIGNATURES):
            key.sign(b"", padding.PKCS1v15(), hashes.SHA256())

    return _best(sign) / SIGNATURES


def _loop() -> float:
    """Return the seconds of a loop: the same interpreter was once half as fast again as before.

    It depends on the processor, on who else is on it, and on how the interpreter was compiled.
    """

    def count() -> None:
        total = 0
        for step in range(STEPS):
            total += step & 7

    return _best(count)


def _best(function: Callable[[], None]) -> float:
    """Return the least seconds of processor time that five calls took."""
    times = []
    for _ in range(5):
        begins = time.process_time()
        function()
        times.append(time.process_time() - begins)
    return min(times)


def _found(path: str, pattern: str) -> str:
    match = re.search(pattern, Path(path).read_text(encoding="utf-8"))
    return match[1] if match else "unknown"


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"
