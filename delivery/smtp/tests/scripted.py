"""An SMTP server on a real loopback socket that does at each command what a test tells it to.

    with ScriptedServer() as server:
        server.on("rcpt", say("550 5.1.1 no such user"), nth=2)
        ...                                     # talk to 127.0.0.1, server.port
        assert server.messages[0].recipients == ["one@example.com"]

Steps, in the order of a session: connect, greeting, ehlo, helo, starttls, handshake, auth, mail,
rcpt, data and bdat (the commands), body (once its first bytes are there), chunk (one of several,
once it is there), dot (once all bytes are there, the last chunk's too), probe (a chunk out of
turn), rset, noop, quit, unknown. With CHUNKING among the extensions (CHUNKED) it offers BDAT.
Without an action a step is answered as a friendly server would; bdat has no answer of its own, and
with an action the server reads the chunk as commands.

Actions: `say`, `drop`, `stall`, `garbage`, `drip`, `sip`, `in_turn`, `once_seen`, or any function
of the `Peer`. A command counts as accepted when the last line said begins with 2 or 3.
"""

from __future__ import annotations

import socket
import threading
import time
from base64 import b64decode
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from .actions import (
    Action,
    Hangup,
    Peer,
    drip,
    drop,
    garbage,
    in_turn,
    once_seen,
    say,
    sip,
    stall,
)
from .certificates import Certificate

__all__ = [
    "CHUNKED",
    "EXTENSIONS",
    "Action",
    "Hangup",
    "Peer",
    "Received",
    "ScriptedServer",
    "drip",
    "drop",
    "garbage",
    "in_turn",
    "once_seen",
    "say",
    "sip",
    "stall",
]

EXTENSIONS = ("PIPELINING", "SIZE 33554432", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
CHUNKED = (*EXTENSIONS, "CHUNKING")
PATIENCE = 10.0
"""Seconds a test waits for what must happen, before it fails."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message that the server accepted; `data` is unstuffed and ends with CRLF, `wire` is raw.

    `parameters` is what followed the address in MAIL, `tls` whether it came encrypted.
    """

    sender: str
    recipients: list[str]
    data: bytes
    wire: bytes
    parameters: list[str]
    tls: bool


class ScriptedServer:
    """A context manager; what it saw stays readable after its end.

    `commands` (every command line, of all connections), `messages` (Received), `connections`
    (how many there were). With a certificate it offers STARTTLS, or speaks TLS at once with
    `implicit_tls`. `credentials` are user name and password; without them AUTH is not offered.
    Servers on several addresses of 127.0.0.0/8 may share a port.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        extensions: Iterable[str] = EXTENSIONS,
        certificate: Certificate | None = None,
        implicit_tls: bool = False,
        credentials: tuple[str, str] | None = None,
    ) -> None:
        self.host, self.port = host, port
        self.extensions = list(extensions)
        self.certificate = certificate
        self.implicit_tls = implicit_tls
        self.credentials = credentials
        self.commands: list[str] = []
        self.messages: list[Received] = []
        self.connections = 0
        self.released = threading.Event()
        self._script: dict[tuple[str, int | None], Action] = {}
        self._counts: Counter[str] = Counter()
        self._reached: defaultdict[str, threading.Event] = defaultdict(threading.Event)
        self._failures: list[BaseException] = []
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def on(self, step: str, action: Action, *, nth: int | None = None) -> Self:
        """Do `action` at this step: always, or the n-th time that any connection comes to it."""
        self._script[step, nth] = action
        return self

    def wait_for(self, step: str) -> bool:
        """Wait until the first action of a step is over (a stall: has begun). Always true."""
        if not self._reached[step].wait(PATIENCE):
            raise AssertionError(f"the server never came to {step}")
        return True

    def seen(self, verb: str) -> list[str]:
        """The command lines that begin with `verb`."""
        return [line for line in list(self.commands) if line.upper().startswith(verb.upper())]

    def saw(self, verb: str, count: int = 1) -> bool:
        """Wait until so many of these commands came, for which nobody waits: QUIT, say."""
        ends = time.monotonic() + 10
        while len(self.seen(verb)) < count and time.monotonic() < ends:
            time.sleep(0.01)
        return len(self.seen(verb)) == count

    def __enter__(self) -> Self:
        self._listener = socket.create_server((self.host, self.port))
        self.port = self._listener.getsockname()[1]
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        for sock in (self._listener, *self._open):
            with suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)
        self._listener.close()
        if self._failures:
            raise self._failures[0]

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):  # the listener was shut down
            while True:
                sock, _ = self._listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connections += 1
                self.track(sock)
                self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        conversation = _Conversation(self, Peer(sock, self.released))
        try:
            conversation.run()
        except (Hangup, OSError):
            pass
        except BaseException as error:  # noqa: BLE001 - raised where the test ends
            self._failures.append(error)
        finally:
            conversation.peer.sock.close()
            if conversation.step:
                self._reached[conversation.step].set()

    def act(self, step: str, peer: Peer) -> bool:
        """Run the script for a step; false when it has nothing to say about it."""
        with self._lock:
            self._counts[step] += 1
            nth = self._counts[step]
        action = self._script.get((step, nth)) or self._script.get((step, None))
        if action is stall:
            self._reached[step].set()
        if action is not None:
            action(peer)
        return action is not None

    def track(self, sock: socket.socket) -> None:
        self._open.append(sock)

    def done(self, step: str) -> None:
        self._reached[step].set()


class _Conversation:
    def __init__(self, server: ScriptedServer, peer: Peer) -> None:
        self.server = server
        self.peer = peer
        self.step = ""
        self.tls = False
        self.forget()

    def forget(self) -> None:
        self.begun = False
        self.sender: str | None = None
        self.parameters: list[str] = []
        self.recipients: list[str] = []
        self.chunks: list[bytes] = []

    def run(self) -> None:
        self.answer("connect")
        if self.server.implicit_tls:
            self.encrypt()
        self.answer("greeting", "220 scripted.example ESMTP")
        while self.step != "quit":
            line = self.peer.take_until(b"\r\n").removesuffix(b"\r\n").decode()
            self.server.commands.append(line)
            self.obey(line)

    def answer(self, step: str, *default: str) -> bool:
        """Answer a step by script or by default; true when it is accepted."""
        self.step = step
        self.peer.accepted = False
        if not self.server.act(step, self.peer) and default:
            self.peer.say(*default)
        self.server.done(step)
        return self.peer.accepted

    def obey(self, line: str) -> None:
        verb = line.partition(" ")[0].lower()
        handler = getattr(self, f"on_{verb}", None)
        if handler is None:
            self.answer("unknown", "500 5.5.2 unknown command")
        else:
            handler(line)

    def on_ehlo(self, line: str) -> None:
        offers = list(self.server.extensions)
        if self.server.certificate and not (self.tls or self.server.implicit_tls):
            offers.append("STARTTLS")
        if self.server.credentials:
            offers.append("AUTH PLAIN LOGIN")
        lines = ["scripted.example", *offers]
        self.answer("ehlo", *(f"250-{each}" for each in lines[:-1]), f"250 {lines[-1]}")

    def on_helo(self, line: str) -> None:
        self.answer("helo", "250 scripted.example")

    def on_starttls(self, line: str) -> None:
        if self.answer("starttls", "220 2.0.0 go ahead"):
            self.encrypt()

    def encrypt(self) -> None:
        self.answer("handshake")
        assert self.server.certificate is not None
        context = self.server.certificate.server_context()
        self.peer.sock = context.wrap_socket(self.peer.sock, server_side=True)
        self.server.track(self.peer.sock)
        self.tls = True
        self.forget()

    def on_auth(self, line: str) -> None:
        self.step = "auth"
        if self.server.act("auth", self.peer):
            return self.server.done("auth")
        correct = self.credentials(line) == self.server.credentials
        self.peer.say("235 2.7.0 welcome" if correct else "535 5.7.8 wrong credentials")
        return self.server.done("auth")

    def credentials(self, line: str) -> tuple[str, str]:
        _, mechanism, *initial = line.split()
        if mechanism.upper() == "LOGIN":
            return self.challenge("VXNlcm5hbWU6"), self.challenge("UGFzc3dvcmQ6")
        plain = b64decode(initial[0]).decode() if initial else self.challenge("")
        _, username, password = plain.split("\0")
        return username, password

    def challenge(self, text: str) -> str:
        self.peer.say(f"334 {text}")
        return b64decode(self.peer.take_until(b"\r\n")).decode()

    def on_mail(self, line: str) -> None:
        self.begun = True
        if self.answer("mail", "250 2.1.0 sender ok"):
            self.forget()
            self.begun = True
            self.sender, self.parameters = _path(line)

    def on_rcpt(self, line: str) -> None:
        known = self.sender is not None
        if self.answer("rcpt", "250 2.1.5 recipient ok" if known else "503 5.5.1 MAIL first"):
            self.recipients.append(_path(line)[0])

    def on_data(self, line: str) -> None:
        default = "354 go ahead" if self.recipients else "554 5.5.1 no valid recipients"
        if self.answer("data", default):
            self.on_body()

    def on_body(self) -> None:
        if not self.peer.buffer:
            self.peer.receive()
        self.answer("body")
        # The CRLF before the final dot may be that of the command (RFC 5321 §4.1.1.4).
        self.peer.buffer = b"\r\n" + self.peer.buffer
        wire = self.peer.take_until(b"\r\n.\r\n")[2:-3]
        lines = wire.split(b"\r\n")
        data = b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines)
        self.end("250 2.0.0 accepted", data, wire)

    def on_bdat(self, line: str) -> object:
        if self.server.act("bdat", self.peer):
            return self.server.done("bdat")
        _, size, *last = line.split()
        if not self.begun:
            self.peer.take(int(size))
            return self.answer("probe", "503 5.5.1 MAIL first")
        if int(size) and not self.peer.buffer:
            self.peer.receive()
        self.answer("body")
        self.chunks.append(self.peer.take(int(size)))
        default = "250 2.0.0 accepted" if self.recipients else "503 5.5.1 no valid recipients"
        if last:
            self.end(default, whole := b"".join(self.chunks), whole)
        else:
            self.answer("chunk", default)
        return None

    def end(self, default: str, data: bytes, wire: bytes) -> None:
        self.peer.on_acceptance = lambda: self.keep(data, wire)
        self.answer("dot", default)
        self.peer.on_acceptance = None

    def keep(self, data: bytes, wire: bytes) -> None:
        received = Received(
            self.sender or "", self.recipients, data, wire, self.parameters, self.tls
        )
        self.server.messages.append(received)
        self.forget()

    def on_rset(self, line: str) -> None:
        if self.answer("rset", "250 2.0.0 reset"):
            self.forget()

    def on_noop(self, line: str) -> None:
        self.answer("noop", "250 2.0.0 ok")

    def on_quit(self, line: str) -> None:
        self.answer("quit", "221 2.0.0 bye")


def _path(line: str) -> tuple[str, list[str]]:
    """The address between the angle brackets, and the parameters behind it."""
    path, _, parameters = line.partition("<")[2].partition(">")
    return path, parameters.split()
