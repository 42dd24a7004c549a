"""Asks name servers a question: by UDP, and by TCP where the answer is too long for that."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from select import POLLIN
from typing import Any

import dns.exception
import dns.inet
import dns.message
import dns.query
import dns.rcode
from dns.message import Message, QueryMessage
from dns.name import Name

from .waiting import WAITER

TRIES = 3  # how often one that is silent is asked, where it is the only one
PAUSE = 0.5  # seconds between two rounds: one that is being restarted refuses at once
LONGEST = 65_535  # bytes
ANSWERS = (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)

Found = tuple[Sequence[Any] | None, float]
"""The records, or None where the name does not exist; and for how many seconds that holds."""


class NoAnswer(Exception):
    """No server answered in time, or none knew; `str()` says what each of them did."""


class _Unfit(Exception):
    """What a server answered is of no use, and would be no other if it were asked again."""


@dataclass(frozen=True, slots=True)
class NameServer:
    """Where one is."""

    address: str
    port: int = 53

    def __str__(self) -> str:
        return f"{self.address}@{self.port}"

    def ask(self, query: QueryMessage, seconds: float) -> Message:
        """Return what it answers. Raises OSError, EOFError or DNSException."""
        try:
            return self._by_udp(query, seconds)
        except dns.message.Truncated:
            tcp = partial(dns.query.tcp, query, self.address, seconds, self.port)
            return WAITER.get().elsewhere(tcp)

    def _by_udp(self, query: QueryMessage, seconds: float) -> Message:
        ends = time.monotonic() + seconds
        family = dns.inet.af_for_address(self.address)
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.setblocking(False)
            # Connected: the system drops what others send, and tells at once if nobody listens.
            asking.connect(dns.inet.low_level_address_tuple((self.address, self.port), family))
            asking.send(query.to_wire())
            while (left := ends - time.monotonic()) > 0:
                if WAITER.get().until_ready(asking, POLLIN, left):
                    with suppress(BlockingIOError):
                        if answer := _answer(asking.recv(LONGEST), query):
                            return answer
        raise TimeoutError("timed out")


class NameServers:
    """Some that are as good as each other, asked in turn. `seconds` bounds a question.

    Waits by WAITER: a task of a hub holds up no other. `edns` and `payload` as in dnspython.
    """

    def __init__(
        self, servers: Sequence[NameServer], seconds: float, *, edns: int = -1, payload: int = 0
    ) -> None:
        self._servers, self._seconds = servers, seconds
        self._query = partial(dns.message.make_query, use_edns=edns, payload=payload)

    def ask(self, name: Name, kind: str) -> Found:
        """Return what the first says that knows. Raises NoAnswer."""
        said: dict[NameServer, str] = {}
        unfit: set[NameServer] = set()
        for server, seconds in self._turns(unfit):
            try:
                return _read(server.ask(self._query(name, kind), seconds))
            except (OSError, dns.exception.Timeout) as error:  # it may be there in a moment
                said[server] = str(error)
            except (EOFError, dns.exception.DNSException, _Unfit) as error:
                said[server] = str(error)
                unfit.add(server)
        raise NoAnswer("; ".join(f"{server} {words}" for server, words in said.items()))

    def _turns(self, unfit: set[NameServer]) -> Iterator[tuple[NameServer, float]]:
        """Yield whom to ask next, and for how many seconds."""
        ends = time.monotonic() + self._seconds
        while fit := [server for server in self._servers if server not in unfit]:
            for server in fit:
                left = ends - time.monotonic()
                if left <= 0:
                    return
                yield server, min(left, self._seconds / TRIES)
            if len(unfit) < len(self._servers):
                WAITER.get().baton().wait(max(min(PAUSE, ends - time.monotonic()), 0))


def _answer(wire: bytes, query: QueryMessage) -> Message | None:
    """Read the answer to a query; anything else is not for us, or forged. Raises Truncated."""
    try:
        read = dns.message.from_wire(wire, raise_on_truncation=True)
    except dns.message.Truncated as error:
        if query.is_response(error.message()):  # type: ignore[no-untyped-call]
            raise
        return None
    except Exception:  # noqa: BLE001  whatever such bytes do to the parser
        return None
    return read if query.is_response(read) else None


def _read(answer: Message) -> Found:
    rcode = answer.rcode()
    if rcode not in ANSWERS or not isinstance(answer, QueryMessage):
        raise _Unfit(dns.rcode.to_text(rcode))
    chain = answer.resolve_chaining()
    if rcode == dns.rcode.NXDOMAIN:
        return None, chain.minimum_ttl
    return list(chain.answer or ()), chain.minimum_ttl
