"""The budget that the settings ask for."""

from __future__ import annotations

from delivery.destinations.directory import LiveDirectory
from delivery.destinations.local import LocalBudget
from delivery.transports.budget import Budget

FIRST_READ_SECONDS = 2.0


class Following(LocalBudget):
    """A budget that goes by what staff write."""

    def __init__(self) -> None:
        super().__init__()
        self._live = LiveDirectory(self.follow)
        self._live.wait_until_read(FIRST_READ_SECONDS)

    def close(self) -> None:
        """Read no more."""
        self._live.close()
        super().close()


def configured_budget() -> Budget:
    """Return a budget that goes by staff's limits; to be closed at the end."""
    return Following()
