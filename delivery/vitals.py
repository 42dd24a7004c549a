"""Whether the delivery thread goes on: noted by itself, read by the pump and by health checks."""

from __future__ import annotations

import logging
import time

from django.conf import settings

logger = logging.getLogger(__name__)


class Vitals:
    """Of one worker. `show` is called in the delivery thread, the rest in any."""

    def __init__(self) -> None:
        self._seen = time.monotonic()

    def show(self) -> None:
        """Touch what a health check looks at; mail flows also where that can't be written."""
        self._seen = time.monotonic()
        try:
            (settings.VAR / "pump.alive").touch()
        except OSError as error:
            logger.warning("health checks will find this worker dead: %s", error)

    def gone_for(self) -> float:
        """Return for how many seconds nothing was seen of it."""
        return time.monotonic() - self._seen
