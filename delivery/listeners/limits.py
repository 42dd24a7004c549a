"""How much one address, and all together, may have of a listener."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

MOST_ADDRESSES = 10_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What a listener takes. Sizes in bytes, times in seconds."""

    connections: int = 100
    connections_per_address: int = 10
    mails_per_minute: int = 60  # of one address
    message_bytes: int = 10 * 1024 * 1024
    held_bytes: int = 80 * 1024 * 1024  # of all messages that are being taken
    line_bytes: int = 16_384  # RFC 5321 §4.5.3.1.6 says 1,000; real mail has longer ones
    commands: int = 1000  # of one kind, in one connection
    idle: float = 120.0  # between two commands, and between two pieces of a message
    message: float = 600.0  # for all of a message
    greeting_pause: float = 0.05  # who speaks within it does not speak SMTP (RFC 5321 §3.1)


def origin_of(address: str) -> str:
    """Return what counts as one address: an IPv6 host has its whole /64."""
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ip_network((parsed, 64), strict=False))
    return str(parsed)


class Doorman:
    """Counts connections and mails by address. Used by one thread, the listener's."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits, self._clock = limits, clock
        self.connections = 0  # that are inside
        self.held = 0  # bytes of messages
        self._inside: Counter[str] = Counter()
        self._mails: dict[str, deque[float]] = {}

    def enter(self, origin: str) -> bool:
        """Count a new connection in, or tell that there is no room for it."""
        if (
            self.connections >= self._limits.connections
            or self._inside[origin] >= self._limits.connections_per_address
        ):
            return False
        self._inside[origin] += 1
        self.connections += 1
        return True

    def leave(self, origin: str) -> None:
        """Count a connection out that was let in."""
        self._inside[origin] -= 1
        self.connections -= 1
        if self._inside[origin] <= 0:
            del self._inside[origin]

    def takes_mail(self, origin: str) -> bool:
        """Count a mail, or tell that there were too many within the last minute."""
        now = self._clock()
        times = self._mails.setdefault(origin, deque())
        while times and times[0] <= now - 60:
            times.popleft()
        if len(times) >= self._limits.mails_per_minute:
            return False
        times.append(now)
        self._forget(now)
        return True

    def hold(self, more: int) -> bool:
        """Count bytes of a message in, or tell that there is no room for them."""
        if self.held + more > self._limits.held_bytes:
            return False
        self.held += more
        return True

    def _forget(self, now: float) -> None:
        """Forget addresses that were quiet for a minute, once there are many."""
        if len(self._mails) > MOST_ADDRESSES:
            self._mails = {
                origin: times for origin, times in self._mails.items() if times[-1] > now - 60
            }


class Hold:
    """What one message has of the bytes that a listener holds."""

    def __init__(self, doorman: Doorman) -> None:
        self._doorman, self._bytes = doorman, 0

    def grow_to(self, size: int) -> bool:
        """Have as much as that, or tell that there is no room."""
        more = max(0, size - self._bytes)
        if not self._doorman.hold(more):
            return False
        self._bytes += more
        return True

    def let_go(self) -> None:
        """Give all of it back; idempotent."""
        self._doorman.held -= self._bytes
        self._bytes = 0
