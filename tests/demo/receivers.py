"""Two receiving servers that are not ours: one takes everything, one is hard to please."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

Triple = tuple[str, str, str]  # client address, envelope sender, envelope recipient


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message as it came; `at` is in seconds since the epoch."""

    mail_from: str
    rcpt_to: str
    content: bytes
    at: float


@dataclass(slots=True)
class Taker:
    """Takes everything."""

    arrivals: list[Arrival] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep the message."""
        for recipient in envelope.rcpt_tos:
            content = envelope.original_content or b""
            arrival = Arrival(envelope.mail_from or "", recipient, content, time.time())
            self.arrivals.append(arrival)
        return "250 2.0.0 taken"


@dataclass(slots=True)
class Greylister(Taker):
    """Defers whom it has not met, and takes who comes again after `seconds` (RFC 6647)."""

    seconds: float = 60.0
    met: dict[Triple, float] = field(default_factory=dict)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Look whether this client, sender and recipient have met here before."""
        peer = session.peer[0] if session.peer else ""
        triple = (peer, envelope.mail_from or "", address)
        waited = time.time() - self.met.setdefault(triple, time.time())
        if waited < self.seconds:
            return "450 4.7.1 Greylisted, try again later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 welcome back"


class Refusal(socketserver.BaseRequestHandler):
    """Turns a visitor away at the door, as an overloaded server does."""

    def handle(self) -> None:
        """Say that it is closing."""
        self.request.sendall(b"421 4.3.2 too busy, try another\r\n")


@contextmanager
def unwilling(address: str, port: int) -> Iterator[None]:
    """Run a server that turns everybody away."""
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    with socketserver.ThreadingTCPServer((address, port), Refusal) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


@contextmanager
def serving(handler: Taker, address: str, port: int) -> Iterator[None]:
    """Run a server that gives its mail to a handler."""
    controller = Controller(handler, hostname=address, port=port, server_hostname="mx.test")
    controller.start()
    yield
    controller.stop()
