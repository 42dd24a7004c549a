"""An HTTPS server on a real loopback socket, which answers as a test tells it to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from delivery.smtp.tests.certificates import Certificate

Answer = Callable[[BaseHTTPRequestHandler], None]


def reply(body: bytes, status: int = 200, **headers: str) -> Answer:
    """An answer; headers are named `content_type=…`."""
    said = {"content_type": "text/plain", "content_length": str(len(body))} | headers

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in said.items():
            handler.send_header(name.replace("_", "-").title(), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


class HttpsServer:
    """`with HttpsServer(certificate) as server: server.answer = reply(b"…"); server.port`.

    `requests` are the pairs of Host and path that came, `connections` the peers' ports.
    """

    def __init__(self, certificate: Certificate, address: str = "127.0.0.1") -> None:
        self.answer: Answer = reply(b"not here", 404)
        self.requests: list[tuple[str, str]] = []
        self.released = threading.Event()
        self._context = certificate.server_context()
        self._server = ThreadingHTTPServer((address, 0), self._handler())
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]

    def _handler(server) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def setup(self) -> None:
                self.request = server._context.wrap_socket(self.request, server_side=True)
                super().setup()

            def do_GET(self) -> None:
                server.requests.append((self.headers["Host"], self.path))
                server.answer(self)

            def log_message(self, *args: object) -> None:
                pass

        return Handler

    def stall(self, handler: BaseHTTPRequestHandler) -> None:
        """An answer that does not come."""
        self.released.wait(30)

    def drip(self, handler: BaseHTTPRequestHandler) -> None:
        """An answer that never ends, a byte now and then."""
        handler.send_response(200)
        handler.end_headers()
        while not self.released.wait(0.02):
            handler.wfile.write(b"x")

    def __enter__(self) -> HttpsServer:
        self._server.handle_error = lambda request, client: None  # who hangs up is no news
        threading.Thread(target=self._server.serve_forever, args=[0.02], daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
