"""A server that counts who is connected, and processes that share it."""

import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CODE = """
import django
django.setup()
from delivery.destinations.tests.sharing import main
main()
"""


class Provider:
    """Counts its connections exactly: a visitor says that it goes, and waits for the answer."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.port = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self.now, self.most = 0, 0
        self.visits: Counter[str] = Counter()  # by the name of the process
        threading.Thread(target=self._run, daemon=True).start()

    def forget(self) -> None:
        """Count the most and the visits anew."""
        with self._lock:
            self.most = self.now
            self.visits.clear()

    def close(self) -> None:
        """Take no more."""
        self._listener.close()

    def _run(self) -> None:
        while True:
            try:
                visitor, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(visitor,), daemon=True).start()

    def _serve(self, visitor: socket.socket) -> None:
        with visitor:
            with self._lock:
                self.now += 1
                self.most = max(self.most, self.now)
            try:
                name = visitor.recv(1).decode()
                with self._lock:
                    self.visits[name] += 1
                visitor.recv(1)
            except OSError:
                pass
            with self._lock:
                self.now -= 1
            with suppress(OSError):
                visitor.sendall(b"x")


@contextmanager
def provider() -> Iterator[Provider]:
    """Serve while this is open."""
    serving = Provider()
    try:
        yield serving
    finally:
        serving.close()


@contextmanager
def processes(url: str, port: int, names: str = "ab", threads: int = 12) -> Iterator[list]:
    """Have processes share the provider."""
    command = [sys.executable, "-c", CODE, url, str(port)]
    running = [
        subprocess.Popen(
            [*command, name, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in names
    ]
    try:
        for process in running:
            assert process.stdout.readline() == "ready\n"
        yield running
    finally:
        for process in running:
            if process.poll() is None:
                process.stdin.close()
        for process in running:
            process.wait(timeout=30)
            process.stdout.close()
