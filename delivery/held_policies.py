"""The table of MTA-STS policies as one process knows it: read as a whole, not for each domain."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import Error, connection

from delivery.models import MtaStsPolicy
from delivery.smtp.mta_sts import HeldPolicy

logger = logging.getLogger(__name__)

READ_AGAIN = timedelta(minutes=1)  # other processes fetch, staff forget
ERROR_PAUSE = timedelta(seconds=5)


class HeldPolicies:
    """Policies that outlive the process. While the database is away the last ones known count.

    For many threads; each call may wait for the database, but for most there is none to be made.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._policies: dict[str, HeldPolicy] = {}
        self._read_again: datetime | None = None  # before the first time

    def get(self, domain: str) -> HeldPolicy | None:
        """Return what holds for a domain, if anything does."""
        with self._lock:
            now = self._now()
            if self._read_again is None or now >= self._read_again:
                self._read_again = now + (READ_AGAIN if self._read(now) else ERROR_PAUSE)
            held = self._policies.get(domain)
        return held if held and held.expires_at > now else None

    def keep(self, domain: str, held: HeldPolicy) -> None:
        """Put a policy in the place of the domain's last one, for all processes."""
        with self._lock:
            self._policies[domain] = held
        try:
            MtaStsPolicy.objects.keep(domain, held)
        except Error as error:
            logger.error("the MTA-STS policy of %s is not kept: %s", domain, error)
        finally:
            connection.close()

    def _read(self, now: datetime) -> bool:
        try:
            self._policies = MtaStsPolicy.objects.holding(now)
        except Error as error:
            logger.error("the MTA-STS policies are out of reach: %s", error)
            return False
        finally:
            connection.close()  # its threads live for one domain
        return True
