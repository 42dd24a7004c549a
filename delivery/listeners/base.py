"""What `manage.py mailserver` runs."""

from __future__ import annotations

from typing import Protocol


class Listener(Protocol):
    """One address at which mail is taken."""

    name: str  # in logs and metrics
    address: tuple[str, int]  # where it listens; the real port once it is started

    def start(self) -> None:
        """Listen, and return at once. Raises OSError where the address can't be used."""

    def stop(self, seconds: float) -> None:
        """Take no more; let mails that are being received end within `seconds`, then cut."""

    def alive(self) -> bool:
        """Tell whether it answers now; asked every few seconds."""
