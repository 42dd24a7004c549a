"""How long each phase of a session may take."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic

from .errors import TimedOut


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds for each phase as a whole, not for each packet (RFC 5321 §4.5.3.2).

    A server that drips bytes therefore holds a connection for one phase at most.
    """

    connect: float = 30.0  # all addresses of the host together
    tls: float = 60.0  # one handshake
    greeting: float = 300.0
    hello: float = 300.0  # EHLO, STARTTLS and AUTH, each
    kept: float = 300.0  # MAIL on a connection that carried mail before; it can be sent on another
    command: float = 300.0  # any other MAIL, and all RCPT together
    data: float = 120.0  # the reply to DATA
    data_block: float = 180.0  # one block of the mail
    final: float = 600.0  # the reply to the final dot; less risks duplicates
    courtesy: float = 5.0  # RSET, on which nothing depends
    minimum_rate: float = 10_000.0  # bytes per second, over a whole mail

    def transfer(self, size: int) -> float:
        """Seconds for a mail of `size` bytes as a whole."""
        return self.data_block + size / self.minimum_rate


class Deadline:
    """A point in time that several blocking calls share."""

    __slots__ = ("_at",)

    def __init__(self, seconds: float) -> None:
        self._at = monotonic() + seconds

    def remaining(self) -> float:
        """Seconds left, always positive. Raises TimedOut when there are none."""
        left = self._at - monotonic()
        if left <= 0:
            raise TimedOut("timed out")
        return left

    def within(self, seconds: float) -> Deadline:
        """The earlier of this deadline and `seconds` from now. Raises TimedOut like `remaining`."""
        return Deadline(min(seconds, self.remaining()))
