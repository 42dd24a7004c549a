"""Waits for what must happen, and fails when it does not."""

import time
from collections.abc import Callable

from emails.models import Recipient
from emails.models.recipient import FINAL


def wait_until(condition: Callable[[], object], seconds: float = 15) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.02)


def everything_is_final() -> bool:
    return not Recipient.objects.exclude(status__in=FINAL).exists()
