"""A TCP proxy that stands for distance: every byte arrives later, in order, at any rate.

`python -m benchmarks.delay PORT TARGET SECONDS`, SECONDS each way. A connection is passed on after
the one and a half round trips that opening it takes before the other side can speak.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque

HOST = "127.0.0.1"


class Lane:
    """One direction: holds bytes until they have travelled."""

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._seconds = seconds
        self._travelling: deque[tuple[float, bytes | None]] = deque()
        self._waits = False
        self.to: asyncio.Transport | None = None

    def put(self, data: bytes | None) -> None:
        """Take bytes, or None for the end."""
        self._travelling.append((self._loop.time() + self._seconds, data))
        self.go_on()

    def go_on(self) -> None:
        """Wait for the next arrival, where there is one and somebody to take it."""
        if self._travelling and self.to and not self._waits:
            self._waits = True
            self._loop.call_at(self._travelling[0][0], self._arrive)

    def _arrive(self) -> None:
        self._waits = False
        assert self.to
        now = self._loop.time()
        while self._travelling and self._travelling[0][0] <= now:
            data = self._travelling.popleft()[1]
            if data is None:
                self.to.close()
            else:
                self.to.write(data)
        self.go_on()


class End(asyncio.Protocol):
    """One end of a connection: what comes in goes on its lane; `answers` leads back to it."""

    def __init__(self, lane: Lane, answers: Lane) -> None:
        self._lane, self._answers = lane, answers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._answers.to = transport
        self._answers.go_on()

    def data_received(self, data: bytes) -> None:
        self._lane.put(data)

    def connection_lost(self, error: Exception | None) -> None:
        self._lane.put(None)


class Near(End):
    """The end of who connects; it has the other end opened."""

    def __init__(self, target: int, seconds: float) -> None:
        super().__init__(Lane(seconds), Lane(seconds))
        self._target, self._seconds = target, seconds

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        loop = asyncio.get_running_loop()
        loop.call_later(3 * self._seconds, lambda: loop.create_task(self._open()))

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: End(self._answers, self._lane), HOST, self._target)


async def serve(port: int, target: int, seconds: float) -> None:
    """Pass on until ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Near(target, seconds), HOST, port, backlog=256)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
