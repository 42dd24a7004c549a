"""Who we are to a server: AUTH PLAIN and AUTH LOGIN (RFC 4954, RFC 4616)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection
from dataclasses import dataclass, field

from .deadlines import Deadline
from .dialogue import Dialogue, insist
from .errors import ProtocolError

MAX_COMMAND = 510
"""Bytes in a command line without its CRLF (RFC 5321 §4.5.3.1.4)."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Raises ValueError for a NUL, which separates the fields of PLAIN."""

    username: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        if "\0" in self.username + self.password:
            raise ValueError("a NUL cannot stand in SMTP credentials")


def authenticate(
    dialogue: Dialogue, offered: Collection[str], credentials: Credentials, deadline: Deadline
) -> None:
    """Log in by the first mechanism that both sides know.

    Raises Refused with the server's reply, and ProtocolError where no mechanism is shared or
    the server asks for more than the mechanism has.
    """
    command, answers = _mechanism(offered, credentials)
    reply = dialogue.ask(command, deadline)
    for answer in answers:
        if reply.code != 334:
            break
        reply = dialogue.ask(answer, deadline)
    if reply.intermediate:
        raise ProtocolError(f"AUTH goes on where it should end: {reply}")
    insist(reply)


def _mechanism(offered: Collection[str], credentials: Credentials) -> tuple[str, list[str]]:
    """The command, and what to answer to each 334."""
    username, password = credentials.username, credentials.password
    if "PLAIN" in offered:
        initial = _encode(f"\0{username}\0{password}")
        command = f"AUTH PLAIN {initial}"
        return (command, []) if len(command) <= MAX_COMMAND else ("AUTH PLAIN", [initial])
    if "LOGIN" in offered:
        return "AUTH LOGIN", [_encode(username), _encode(password)]
    raise ProtocolError("the server offers neither AUTH PLAIN nor AUTH LOGIN")


def _encode(text: str) -> str:
    return b64encode(text.encode()).decode("ascii")
