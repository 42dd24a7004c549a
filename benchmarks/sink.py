"""A small fast SMTP server that takes everything: PIPELINING, 8BITMIME, CHUNKING.

`python -m benchmarks.sink PORT [FOLDER]`. It writes a line "ADDRESS MOMENT" for each mail to an
address that begins with "watched", keeps mails in FOLDER where one is given, and answers XCOUNT
with how many mails it took, and how many connections were open at once at most and in all.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

HOST = "127.0.0.1"
WATCHED = b"watched"
GREETING = b"220 sink.example ESMTP\r\n"
EHLO = (
    b"250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 52428800\r\n"
    b"250-CHUNKING\r\n250 ENHANCEDSTATUSCODES\r\n"
)
OK = b"250 2.0.0 ok\r\n"
ANSWERS = {
    b"EHLO": EHLO,
    b"HELO": b"250 sink.example\r\n",
    b"MAIL": b"250 2.1.0 ok\r\n",
    b"RSET": OK,
    b"NOOP": OK,
}
END = b"\r\n.\r\n"


class Counts:
    """What all connections share."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.taken = self.open = self.most = self.opened = 0


class Visit(asyncio.Protocol):
    """One connection. Bytes are looked at once; a mail costs a handful of finds."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._bytes = bytearray()
        self._looked = 0  # how far the end of DATA was looked for
        self._chunk = 0  # bytes of BDAT still to come
        self._in_data = self._last = self._counted = False
        self._content: list[bytes] = []
        self._recipients: list[bytes] = []
        self._answers: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(GREETING)

    def data_received(self, data: bytes) -> None:
        self._bytes += data
        while self._step():
            pass
        if self._answers:
            self._transport.write(b"".join(self._answers))
            self._answers.clear()

    def connection_lost(self, error: Exception | None) -> None:
        self._counts.open -= self._counted

    def _step(self) -> bool:
        """Take what is complete; tell whether there may be more."""
        if self._in_data:
            return self._take_data()
        if self._chunk:
            return self._take_chunk()
        end = self._bytes.find(b"\n")
        if end < 0:
            return False
        line = bytes(self._bytes[: end + 1])
        del self._bytes[: end + 1]
        self._obey(line[:4].upper(), line)
        return True

    def _obey(self, verb: bytes, line: bytes) -> None:
        if verb == b"RCPT":
            self._recipients.append(line[line.find(b"<") + 1 : line.find(b">")])
            self._answers.append(b"250 2.1.5 ok\r\n")
        elif verb == b"BDAT":
            words = line.split()
            self._chunk, self._last = int(words[1]), len(words) > 2
            if not self._chunk:
                self._after_chunk()
        elif verb == b"DATA":
            self._in_data, self._looked = True, 0
            self._answers.append(b"354 go on\r\n")
        elif verb == b"QUIT":
            self._transport.write(b"".join(self._answers) + b"221 2.0.0 bye\r\n")
            self._answers.clear()
            self._transport.close()
        elif verb == b"XCOU":
            counts = self._counts
            said = f"250 {counts.taken} {counts.most} {counts.opened}\r\n"
            self._answers.append(said.encode())
        else:
            self._count(verb)
            self._answers.append(ANSWERS.get(verb, b"500 5.5.1 what?\r\n"))

    def _count(self, verb: bytes) -> None:
        if verb in (b"EHLO", b"HELO") and not self._counted:
            self._counted = True
            self._counts.open += 1
            self._counts.opened += 1
            self._counts.most = max(self._counts.most, self._counts.open)

    def _take_data(self) -> bool:
        end = self._bytes.find(END, self._looked)
        if end < 0:
            self._looked = max(0, len(self._bytes) - len(END) + 1)
            return False
        self._in_data = False
        if self._counts.folder:
            self._content.append(bytes(self._bytes[: end + 2]).replace(b"\r\n..", b"\r\n."))
        del self._bytes[: end + len(END)]
        self._take()
        return True

    def _take_chunk(self) -> bool:
        if len(self._bytes) < self._chunk:
            return False
        if self._counts.folder:
            self._content.append(bytes(self._bytes[: self._chunk]))
        del self._bytes[: self._chunk]
        self._chunk = 0
        self._after_chunk()
        return True

    def _after_chunk(self) -> None:
        if self._last:
            self._take()
        else:
            self._answers.append(OK)

    def _take(self) -> None:
        if not self._recipients:  # a chunk for nobody: ours begins with one, to see it discarded
            self._content.clear()
            self._answers.append(b"503 5.5.1 for whom?\r\n")
            return
        self._answers.append(OK)
        self._counts.taken += 1
        for address in self._recipients:
            if address.startswith(WATCHED):
                sys.stdout.write(f"{address.decode()} {time.monotonic()}\n")
                sys.stdout.flush()
        if self._counts.folder:
            path = self._counts.folder / f"{self._counts.taken}.eml"
            path.write_bytes(b"".join(self._content))
        self._content.clear()
        self._recipients.clear()


async def serve(port: int, folder: Path | None) -> None:
    """Take mail until ended."""
    counts = Counts(folder)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Visit(counts), HOST, port, backlog=256)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None))
