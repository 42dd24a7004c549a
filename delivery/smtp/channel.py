"""A TCP or TLS stream that knows lines and deadlines, and that another thread may cut."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from errno import EINPROGRESS
from functools import partial
from select import POLLIN, POLLOUT
from typing import Any, TypeVar

from .deadlines import Deadline
from .errors import ConnectionLost, ProtocolError, TimedOut
from .outcome import TlsInfo
from .waiting import WAITER

MAX_REPLY_LINE = 2048
"""Bytes; four times what RFC 5321 §4.5.3.1.5 allows."""

_RECEIVE = 16 * 1024

_Argument = TypeVar("_Argument")
_Result = TypeVar("_Result")


class Channel:
    """Every method but `abort` belongs to one at a time, and raises SessionError when it fails.

    The socket does not block: whoever uses it waits in the way of WAITER. So a call that need not
    wait is one system call; those of Python's timeouts are three.
    """

    def __init__(self) -> None:
        self._sock: socket.socket | None = None
        self._buffer = bytearray()
        self._aborted = False

    @property
    def peer(self) -> str:
        """The server's IP address, empty before there is one."""
        with suppress(OSError):
            return str(self._live.getpeername()[0]) if self._sock else ""
        return ""

    @property
    def encrypted(self) -> bool:
        return isinstance(self._sock, ssl.SSLSocket)

    def connect(self, host: str, port: int, deadline: Deadline) -> None:
        """Try the host's addresses in turn, each with its share of the time that is left."""
        addresses = _resolve(host, port)
        for left in range(len(addresses), 0, -1):
            family, address = addresses[-left]
            try:
                return self._dial(family, address, Deadline(deadline.remaining() / left))
            except (ConnectionLost, TimedOut):
                self.close()
                if left == 1 or self._aborted:
                    raise

    def secure(self, context: ssl.SSLContext, host: str, deadline: Deadline) -> TlsInfo:
        """Start TLS as a client. What the server said before in plain text must be read by now.

        Raises ProtocolError when there is more: it was injected (RFC 3207 §6, CVE-2011-0411).
        """
        if self._buffer:
            raise ProtocolError("plain text after the reply that begins TLS")
        try:
            encrypted = context.wrap_socket(
                self._live, server_hostname=host, do_handshake_on_connect=False
            )
        except OSError as error:
            raise ConnectionLost(str(error)) from error
        self._adopt(encrypted)
        self._call(lambda _: encrypted.do_handshake(), None, POLLIN, deadline)
        return _describe(encrypted)

    def send(self, data: bytes | memoryview, deadline: Deadline) -> None:
        """Hand all of `data` to the kernel; when this raises, the last byte never left."""
        rest = memoryview(data)
        while rest:
            rest = rest[self._call(self._live.send, rest, POLLOUT, deadline) :]

    def read_line(self, deadline: Deadline) -> bytes:
        """The next line without its line end. Raises ProtocolError past MAX_REPLY_LINE bytes."""
        while (end := self._buffer.find(b"\n")) < 0 and len(self._buffer) <= MAX_REPLY_LINE:
            self._receive(deadline)
        if not 0 <= end <= MAX_REPLY_LINE:
            raise ProtocolError(f"reply line over {MAX_REPLY_LINE} bytes")
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line.removesuffix(b"\r")

    def is_quiet(self) -> bool:
        """Whether the server has neither said more nor hung up since its last line. Never waits."""
        if self._buffer or self._sock is None or self._aborted:
            return False
        try:
            self._buffer += self._sock.recv(_RECEIVE)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False

    def abort(self) -> None:
        """Cut the connection, now and for ever; from any thread, at any time.

        The file descriptor stays with the owner, who finds the connection lost and closes it: a
        descriptor closed under a blocked thread may already be another connection's.
        """
        self._aborted = True
        sock = self._sock  # its owner may close it meanwhile
        if sock is not None:
            with suppress(OSError):
                # Not SSLSocket.shutdown, which drops the encryption before the connection.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def close(self) -> None:
        sock, self._sock = self._sock, None
        self._buffer.clear()
        if sock is not None:
            with suppress(OSError):
                sock.close()

    @property
    def _live(self) -> socket.socket:
        if self._sock is None or self._aborted:
            raise ConnectionLost("connection closed by us")
        return self._sock

    def _dial(self, family: int, address: tuple[str, int], deadline: Deadline) -> None:
        try:
            sock = socket.socket(family, socket.SOCK_STREAM)
            self._adopt(sock)
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            error = sock.connect_ex(address)
            if error == EINPROGRESS:
                self._wait(POLLOUT, deadline)
                error = self._live.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        except OSError as failed:
            raise ConnectionLost(str(failed)) from failed
        if error:
            raise ConnectionLost(str(OSError(error, os.strerror(error))))

    def _adopt(self, sock: socket.socket) -> None:
        self._sock = sock
        _ = self._live  # an abort() that came just before found only the socket of before

    def _receive(self, deadline: Deadline) -> None:
        if not self.encrypted:  # a reply takes its time; TLS may hold one that it has read already
            self._wait(POLLIN, deadline)
        received = self._call(self._live.recv, _RECEIVE, POLLIN, deadline)
        if not received:
            raise ConnectionLost("connection closed by the server")
        self._buffer += received

    def _call(
        self,
        function: Callable[[_Argument], _Result],
        argument: _Argument,
        event: int,
        deadline: Deadline,
    ) -> _Result:
        """Call until it need not wait; `event` is what it waits for where TLS wants no other."""
        while True:
            try:
                return function(argument)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError) as error:
                self._wait(_wanted(error) or event, deadline)
            except OSError as error:  # ssl.SSLError is one
                raise ConnectionLost(str(error)) from error

    def _wait(self, event: int, deadline: Deadline) -> None:
        if not WAITER.get().until_ready(self._live, event, deadline.remaining()):
            raise TimedOut("timed out")


def _wanted(error: OSError) -> int | None:
    if isinstance(error, ssl.SSLWantReadError):
        return POLLIN
    return POLLOUT if isinstance(error, ssl.SSLWantWriteError) else None


def _resolve(host: str, port: int) -> list[tuple[int, tuple[str, int]]]:
    try:
        found = _look_up(host, port)
    except (OSError, UnicodeError) as error:  # UnicodeError: a label that DNS cannot hold
        raise ConnectionLost(f"no address for {host}: {error}") from error
    return [(int(family), address) for family, _, _, _, address in found]


def _look_up(host: str, port: int) -> list[Any]:
    ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        return ask(flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):  # a name, which asks the network
        return WAITER.get().elsewhere(ask)


def _describe(encrypted: ssl.SSLSocket) -> TlsInfo:
    cipher = encrypted.cipher()
    return TlsInfo(
        version=encrypted.version() or "",
        cipher=cipher[0] if cipher else "",
        verified=encrypted.context.verify_mode is ssl.CERT_REQUIRED,
    )
