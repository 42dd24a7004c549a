"""OpenDKIM as a verifier that shares no line of code with us."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

VERDICT = re.compile(r"\bdkim=(\w+)[^;]*? header\.a=([\w-]+)")


class OpenDkim:
    """Judges signatures by the records that a folder's file of DNS data holds."""

    def __init__(self, folder: Path, records: dict[str, str]) -> None:
        self._folder, self._config = folder, folder / "opendkim.conf"
        dns = folder / "dns"
        dns.write_text("".join(f"{name} {value}\n" for name, value in records.items()))
        self._config.write_text(f"Mode v\nTestDNSData file:{dns}\n")

    def verdicts(self, message: bytes) -> list[tuple[str, str]]:
        """Return algorithm and verdict of each signature, the topmost first."""
        file = self._folder / "message.eml"
        file.write_bytes(message)
        done = subprocess.run(
            ["opendkim", "-x", str(self._config), "-v", "-v", "-t", str(file)],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return [(algorithm, verdict) for verdict, algorithm in VERDICT.findall(done.stdout)]
