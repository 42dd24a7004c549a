"""Commands out, replies in."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from .channel import Channel
from .deadlines import Deadline
from .errors import Refused
from .replies import Reply, read_reply


class Dialogue:
    """The SMTP layer over a channel, without any state of its own."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel

    def write(self, commands: Sequence[str], deadline: Deadline) -> None:
        """Send commands in one go. Raises ValueError for one with a control character in it."""
        self.channel.send(to_lines(commands), deadline)

    def read(self, deadline: Deadline) -> Reply:
        """The next reply. Raises Refused for 421, which ends a session wherever it comes."""
        reply = read_reply(partial(self.channel.read_line, deadline))
        if reply.code == 421:
            raise Refused(reply)
        return reply

    def ask(self, command: str, deadline: Deadline) -> Reply:
        self.write([command], deadline)
        return self.read(deadline)

    def demand(self, command: str, deadline: Deadline) -> Reply:
        """Ask where only a positive reply lets the session go on. Raises Refused for others."""
        return insist(self.ask(command, deadline))


def to_lines(commands: Sequence[str]) -> bytes:
    """Commands as they are sent. Raises ValueError for one with a control character in it."""
    if not all(map(str.isprintable, commands)):
        raise ValueError("control character in an SMTP command")
    return ("\r\n".join(commands) + "\r\n").encode()


def insist(reply: Reply) -> Reply:
    """The reply itself when it is positive. Raises Refused when not."""
    if not reply.positive:
        raise Refused(reply)
    return reply
