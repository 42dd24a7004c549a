"""What ends a session; inside the package only, which turns each of these into an Outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .replies import Reply


class SessionError(Exception):
    """The connection is of no further use; `str()` says why, for a person."""


class ConnectionLost(SessionError):
    """The network, the name service, TLS or the server ended the connection."""


class TimedOut(SessionError):
    """A phase took longer than its deadline."""


class ProtocolError(SessionError):
    """The server said something that is not SMTP, or not an answer to what was asked."""


class Refused(SessionError):
    """The server answered with a reply that ends the session here."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"server answered {reply}")
        self.reply = reply
