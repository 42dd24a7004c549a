"""A client that says any bytes, right or wrong, and mails that come back."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from types import TracebackType

import pytest

from delivery.listeners.server import Server
from delivery.smtp.tests.returned import away

PATIENCE = 20.0
ROLE = "abuse@mail.example.test"


class Client:
    """One connection. `read` returns lines up to the last of a reply; b"" once it is closed."""

    def __init__(self, server: Server, *, greeted: bool = True) -> None:
        self.socket = socket.create_connection(server.address, timeout=PATIENCE)
        self.file = self.socket.makefile("rb")
        if greeted:
            assert self.read().startswith(b"220 ")

    def read(self) -> bytes:
        reply = b""
        try:
            while line := self.file.readline():
                reply += line
                if line[3:4] != b"-":
                    break
        except ConnectionResetError:
            pass
        return reply

    def say(self, data: bytes) -> bytes:
        """Send bytes and return the next reply."""
        self.socket.sendall(data)
        return self.read()

    def command(self, *words: str) -> bytes:
        """Send a line for each, and return the reply to the last."""
        for word in words:
            reply = self.say(word.encode() + b"\r\n")
        return reply

    def is_closed(self) -> bool:
        """Wait for the other side to close."""
        while self.read():
            pass
        return True

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        self.file.close()
        self.socket.close()


def to_data(server: Server, address: str) -> Client:
    """A client that may send its message next."""
    client = Client(server)
    reply = client.command("EHLO mx.example.net", "MAIL FROM:<>", f"RCPT TO:<{address}>", "DATA")
    assert reply.startswith(b"354"), reply
    return client


def deliver(server: Server, address: str, content: bytes, sender: str = "") -> bytes:
    """Send a mail as a mail server does; return the answer to it."""
    with Client(server) as client:
        reply = client.command(
            "EHLO mx.example.net", f"MAIL FROM:<{sender}>", f"RCPT TO:<{address}>"
        )
        if not reply.startswith(b"250"):
            return reply
        assert client.command("DATA").startswith(b"354")
        return client.say(content.replace(b"\n.", b"\n..") + b".\r\n")


def takes_mail(server: Server) -> bool:
    """Tell whether it goes on taking mail."""
    answer = deliver(server, ROLE, away(fields=""))
    return answer.startswith(b"250") or pytest.fail(repr(answer))


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
