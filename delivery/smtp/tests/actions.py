"""What a scripted server can do at a step of a session."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable


class Hangup(Exception):
    """Ends one connection."""


class Peer:
    """The server's end of one connection, as an action sees it."""

    def __init__(self, sock: socket.socket, released: threading.Event) -> None:
        self.sock = sock
        self.buffer = b""
        self.accepted = False
        self.on_acceptance: Callable[[], None] | None = None
        self.released = released

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def say(self, *lines: str | bytes) -> None:
        raw = [line if isinstance(line, bytes) else line.encode() for line in lines]
        self.judge(raw[-1])
        self.send(b"".join(line + b"\r\n" for line in raw))

    def judge(self, line: bytes) -> None:
        """Take the code of a reply for the server's decision, before the client can read it."""
        self.accepted = line[:1] in (b"2", b"3")
        if self.accepted and self.on_acceptance:
            self.on_acceptance()

    def receive(self) -> None:
        received = self.sock.recv(65536)
        if not received:
            raise Hangup
        self.buffer += received

    def take_until(self, end: bytes) -> bytes:
        """Everything up to and with `end`, which later input is kept behind."""
        position = 0
        while (found := self.buffer.find(end, position)) < 0:
            position = max(0, len(self.buffer) - len(end))
            self.receive()
        taken, self.buffer = self.buffer[: found + len(end)], self.buffer[found + len(end) :]
        return taken

    def take(self, size: int) -> bytes:
        """Exactly so many bytes."""
        while len(self.buffer) < size:
            self.receive()
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken


Action = Callable[[Peer], None]


def say(*lines: str | bytes) -> Action:
    """Answer with these lines as they stand: `say("250-one", "250 two")`."""
    return lambda peer: peer.say(*lines)


def drop(peer: Peer) -> None:
    """Close the connection without a word."""
    raise Hangup


def stall(peer: Peer) -> None:
    """Neither read nor answer until the server ends."""
    peer.released.wait()
    raise Hangup


def garbage(peer: Peer) -> None:
    """Answer with something that is not SMTP."""
    peer.say(b"\x00\xff\x1b[2J what?")


def drip(line: str, *, pause: float) -> Action:
    """Send a line byte by byte with `pause` seconds in between."""

    def action(peer: Peer) -> None:
        peer.judge(line.encode())
        for byte in line.encode() + b"\r\n":
            peer.send(bytes([byte]))
            if peer.released.wait(pause):
                raise Hangup

    return action


def sip(*, pause: float, size: int = 1024) -> Action:
    """Read mail data `size` bytes at a time with `pause` seconds in between."""

    def action(peer: Peer) -> None:
        while not peer.released.wait(pause):
            if not peer.sock.recv(size):
                raise Hangup
        raise Hangup

    return action


def in_turn(*actions: Action) -> Action:
    """One action after the other, as in `in_turn(say("250 2.0.0 ok"), drop)`."""

    def action(peer: Peer) -> None:
        for each in actions:
            each(peer)

    return action


def once_seen(expected: bytes, action: Action) -> Action:
    """Act once the client has sent `expected` as well, ahead of its turn: it pipelines."""

    def waiting(peer: Peer) -> None:
        while expected not in peer.buffer:
            peer.receive()
        action(peer)

    return waiting
