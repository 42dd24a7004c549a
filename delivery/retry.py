"""When to try again (RFC 5321 §4.5.4.1): soon at first, then less and less often."""

import random
from dataclasses import dataclass

from django.conf import settings


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Waits in seconds: `first`, doubling to `longest`, spread by ± `jitter` (0.15 is 15 %)."""

    first: float = 300
    longest: float = 4200
    jitter: float = 0.15

    def wait_after(self, attempts: int) -> float:
        """Return the seconds to wait after the `attempts`-th try (1 is the first)."""
        wait: float = min(self.first * 2 ** min(attempts - 1, 30), self.longest)
        return wait * random.uniform(1 - self.jitter, 1 + self.jitter)  # noqa: S311


def retry_policy() -> RetryPolicy:
    """Return the policy of the settings."""
    return RetryPolicy(
        settings.RETRY_FIRST_SECONDS, settings.RETRY_MAX_SECONDS, settings.RETRY_JITTER
    )
