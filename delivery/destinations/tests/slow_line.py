"""A line to a server that can be made to hold back what the server answers."""

import socket
import threading
from contextlib import suppress


class SlowLine:
    """A TCP proxy on loopback: `with SlowLine(port) as line: line.hold(); …; line.let_go()`."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=500)
        self.port = self._listener.getsockname()[1]
        self._flows = threading.Event()
        self._flows.set()
        self._lock = threading.Lock()
        self.held = 0  # answers that wait for `let_go`
        self._open: list[socket.socket] = []

    def hold(self) -> None:
        """Pass nothing on to who asks, from now on."""
        self._flows.clear()

    def let_go(self) -> None:
        """Pass on what was held, and all that follows."""
        self._flows.set()

    def __enter__(self) -> "SlowLine":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._flows.set()
        for each in [self._listener, *self._open]:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._to))
            self._open += [client, server]
            for one, other, back in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._pass, args=(one, other, back), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket, back: bool) -> None:
        with suppress(OSError):
            while some := one.recv(65_536):
                if back and not self._flows.is_set():
                    self._wait()
                other.sendall(some)
            other.shutdown(socket.SHUT_WR)

    def _wait(self) -> None:
        with self._lock:
            self.held += 1
        self._flows.wait()
        with self._lock:
            self.held -= 1
