"""AUTH by API key (RFC 4954): what a client says, and how often an address may be wrong."""

from __future__ import annotations

import time
from base64 import b64decode
from binascii import Error as Base64Error
from collections import deque
from collections.abc import Callable
from typing import Final

from accounts.models import ApiKey

WINDOW_SECONDS: Final = 600.0
MOST_FAILURES: Final = 30  # of one address within the window
MOST_ADDRESSES: Final = 10_000
SLOWEST: Final = 8.0  # seconds


class Malformed(ValueError):
    """What a client said is no answer to the mechanism."""


def decoded(answer: str) -> bytes:
    """Return what an answer in base64 says; a lone `=` is an empty one (RFC 4954 §4)."""
    try:
        return b64decode(answer, validate=True) if answer != "=" else b""
    except (Base64Error, ValueError):
        raise Malformed from None


def plain_password(answer: bytes) -> str:
    """Return the password of an answer to PLAIN: `[authzid] NUL authcid NUL passwd` (RFC 4616)."""
    parts = answer.split(b"\0")
    if len(parts) != 3:
        raise Malformed
    return parts[2].decode("utf-8", "replace")


def key_of(password: str) -> ApiKey | None:
    """Return the active key that the password is; its use is noted."""
    api_key = ApiKey.objects.matching(password.strip())
    if api_key:
        api_key.note_use()
    return api_key


class Failures:
    """Counts failed logins by address. Used by the threads of all submission listeners."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed: dict[str, deque[float]] = {}

    def too_many(self, origin: str) -> bool:
        """Tell whether an address was wrong so often that it is not listened to for now."""
        return len(self._recent(origin)) >= MOST_FAILURES

    def count(self, origin: str) -> float:
        """Count a failure; return the seconds to wait before it is answered."""
        recent = self._recent(origin)
        recent.append(self._clock())
        self._failed[origin] = recent
        self._forget()
        return min(SLOWEST, 0.5 * 2.0 ** (len(recent) - 1))

    def _recent(self, origin: str) -> deque[float]:
        since = self._clock() - WINDOW_SECONDS
        return deque(time for time in self._failed.get(origin, ()) if time > since)

    def _forget(self) -> None:
        if len(self._failed) > MOST_ADDRESSES:
            since = self._clock() - WINDOW_SECONDS
            known = list(self._failed.items())  # at once: another listener may add to it
            self._failed = {who: times for who, times in known if times[-1] > since}
