"""A listener: a thread with an event loop that takes connections at one address."""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import Future

from delivery.listeners.certificate import Certificate
from delivery.listeners.guest import Guest
from delivery.listeners.limits import Doorman, Limits
from delivery.metrics import LISTENER_CONNECTIONS

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 10.0  # within which an event loop that is alive answers


class Server:
    """A `Listener` whose conversations `make` makes, one for each connection.

    With `implicit_tls` TLS begins with the connection (RFC 8314 §3.3), else by STARTTLS where there
    is a certificate.
    """

    def __init__(
        self,
        name: str,
        address: tuple[str, int],
        make: Callable[[Server], Guest],
        *,
        limits: Limits,
        certificate: Certificate | None = None,
        implicit_tls: bool = False,
    ) -> None:
        self.name, self.address, self.limits = name, address, limits
        self._make, self._certificate, self._implicit_tls = make, certificate, implicit_tls
        self.doorman = Doorman(limits)
        self.conversations: set[Guest] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=f"listener-{name}", daemon=True)
        self._server: asyncio.Server | None = None

    def tls(self) -> ssl.SSLContext | None:
        """Return what STARTTLS uses."""
        if self._implicit_tls or self._certificate is None:
            return None
        return self._certificate.context()

    def implicit_tls(self) -> ssl.SSLContext | None:
        """Return what a connection begins with."""
        return self._certificate.context() if self._implicit_tls and self._certificate else None

    def start(self) -> None:
        """Listen. Raises OSError where the address can't be used."""
        self._thread.start()
        self._call(self._listen()).result()
        LISTENER_CONNECTIONS.labels(self.name).set_function(lambda: self.doorman.connections)
        host, port = self.address
        logger.info("listening", extra={"listener": self.name, "address": f"{host}:{port}"})

    def stop(self, seconds: float) -> None:
        """Take no more, let mails that are being received end, then cut."""
        if self._server is None:
            return
        self._call(self._drain(seconds)).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._server = None

    def alive(self) -> bool:
        """Tell whether the event loop answers."""
        if self._server is None or not self._thread.is_alive():
            return False
        answered = threading.Event()
        self._loop.call_soon_threadsafe(answered.set)
        return answered.wait(ANSWER_SECONDS)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _call(self, coroutine: object) -> Future[None]:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)  # type: ignore[arg-type]

    async def _listen(self) -> None:
        host, port = self.address
        self._server = await self._loop.create_server(self._conversation, host, port, backlog=128)
        self.address = (host, self._server.sockets[0].getsockname()[1])

    def _conversation(self) -> Guest:
        if self._certificate:
            self._certificate.context()  # takes up changed files
        return self._make(self)

    async def _drain(self, seconds: float) -> None:
        assert self._server
        self._server.close()
        for conversation in list(self.conversations):
            conversation.leave()
        ends = self._loop.time() + seconds
        while self.conversations and self._loop.time() < ends:
            await asyncio.sleep(0.02)
        for conversation in list(self.conversations):
            if conversation.transport:
                conversation.transport.abort()
        await asyncio.sleep(0)  # for what was cut to end
