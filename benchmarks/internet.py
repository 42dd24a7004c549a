"""A small internet in one process: name server, mail exchangers by the hundred, and tarpits.

`python -m benchmarks.internet PORT DNS_PORT HOSTS PITS`. Mail to `d<n>.example` goes to host n
modulo HOSTS, at 127.1.0.0/16; that to `t<n>.example` to a tarpit at 127.2.0.0/16, which takes
connections and says nothing for ever. At 127.0.0.1 the same sink listens, as a relay.
"""

from __future__ import annotations

import asyncio
import re
import resource
import sys
from pathlib import Path
from typing import cast

from dnslib import MX, QTYPE, RCODE, RR, A, DNSRecord

from benchmarks.sink import Counts, Visit
from benchmarks.sinks import OwnSink
from tests.servers import HOST, free_port

NAME = re.compile(r"(d|t|mx|pit)(\d+)\.example\.")
TTL = 60


class Internet(OwnSink):
    """The process; it counts as a sink does."""

    def __init__(self, folder: Path, *, hosts: int = 100, pits: int = 0) -> None:
        super().__init__(folder)
        self._hosts, self._pits = hosts, pits
        self._dns_port = free_port()

    def command(self) -> list[str]:
        numbers = (self.port, self._dns_port, self._hosts, self._pits)
        return [sys.executable, "-m", "benchmarks.internet", *map(str, numbers)]

    def settings(self) -> dict[str, str]:
        """Return what a worker needs to send mail into it, by itself."""
        return {
            "MAIL_TRANSPORT": "mx",
            "DNS_SERVERS": f"{HOST}:{self._dns_port}",
            "MX_PORT": str(self.port),
            "PRIVATE_NETWORKS": "127.0.0.0/8",
        }

    def opened(self) -> int:
        """Return how many connections there were."""
        return int(self._ask()[2])


class Names(asyncio.DatagramProtocol):
    """The name server."""

    def __init__(self, hosts: int) -> None:
        self._hosts = hosts

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, peer: tuple[str, int]) -> None:
        request = DNSRecord.parse(data)
        reply = request.reply()
        name = str(request.q.qname).lower()
        found = NAME.fullmatch(name)
        if not found:
            reply.header.rcode = RCODE.NXDOMAIN
        elif record := self._record(found[1], int(found[2]), QTYPE[request.q.qtype]):
            reply.add_answer(RR(name, request.q.qtype, rdata=record, ttl=TTL))
        self._transport.sendto(reply.pack(), peer)

    def _record(self, kind: str, number: int, asked: str) -> object:
        if asked == "MX" and kind in ("d", "t"):
            host = f"mx{number % self._hosts}" if kind == "d" else f"pit{number}"
            return MX(f"{host}.example", 10)
        if asked == "A" and kind in ("mx", "pit"):
            return A(host_address(number) if kind == "mx" else pit_address(number))
        return None


class Pit(asyncio.Protocol):
    """Takes a connection, and says nothing."""


def host_address(number: int) -> str:
    """Return where a mail exchanger listens."""
    return f"127.1.{number // 250}.{number % 250 + 1}"


def pit_address(number: int) -> str:
    """Return where a tarpit listens."""
    return f"127.2.{number // 250}.{number % 250 + 1}"


async def serve(port: int, dns_port: int, hosts: int, pits: int) -> None:
    """Answer until ended."""
    counts = Counts(None)
    loop = asyncio.get_running_loop()
    addresses = [host_address(number) for number in range(hosts)]
    await loop.create_server(lambda: Visit(counts), addresses, port, backlog=256)
    if pits:
        addresses = [pit_address(number) for number in range(pits)]
        await loop.create_server(Pit, addresses, port)
    await loop.create_datagram_endpoint(lambda: Names(hosts), (HOST, dns_port))
    relay = await loop.create_server(lambda: Visit(counts), HOST, port, backlog=256)
    await relay.serve_forever()


if __name__ == "__main__":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(serve(*map(int, sys.argv[1:])))
