"""A DNS server of the tests' own on loopback, whose zone a test writes and changes."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import Any

from dnslib import AAAA, CNAME, MX, PTR, QTYPE, RCODE, RR, TXT, A, DNSError
from dnslib.server import DNSServer

POLL_SECONDS = 0.02  # within which a server ends
KINDS = {"A": A, "AAAA": AAAA, "MX": MX, "TXT": TXT, "CNAME": CNAME, "PTR": PTR}


class Zone:
    """Names and what they hold. What is not in it does not exist (NXDOMAIN)."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, str], list[Any]] = defaultdict(list)
        self._failing: set[str] = set()
        self._silent: set[str] = set()
        self.asked: list[tuple[str, str]] = []  # (name, type), every question

    def add(self, name: str, kind: str, *values: Any, ttl: int = 60) -> Zone:
        """Add a record: `add("a.example", "MX", "mx.a.example", 10)`, `add(…, "TXT", "v=…")`."""
        if kind == "TXT":  # strings of at most 255 bytes
            text = values[0]
            values = ([text[at : at + 255] for at in range(0, len(text), 255)],)
        record = RR(name, getattr(QTYPE, kind), rdata=KINDS[kind](*values), ttl=ttl)
        self._records[_key(name), kind].append(record)
        return self

    def remove(self, name: str, kind: str) -> None:
        """Take all records of a type away."""
        self._records.pop((_key(name), kind), None)

    def texts(self, name: bytes | str, timeout: float = 0) -> bytes | None:
        """Look a TXT record up without a server, as dkimpy wants it: None where there is none."""
        name = name.decode() if isinstance(name, bytes) else name
        records = self._records.get((_key(name), "TXT"), [])
        return b"".join(records[0].rdata.data) if records else None

    def clear(self) -> None:
        """Hold nothing, and answer for every name."""
        for kept in (self._records, self._failing, self._silent, self.asked):
            kept.clear()

    def fail(self, name: str) -> None:
        """Answer every question about a name with SERVFAIL."""
        self._failing.add(_key(name))

    def silence(self, name: str) -> None:
        """Answer no question about a name."""
        self._silent.add(_key(name))

    def mend(self, name: str) -> None:
        """Answer about the name again."""
        self._failing.discard(_key(name))
        self._silent.discard(_key(name))

    def resolve(self, request: Any, handler: Any) -> Any:
        """Answer as dnslib asks it to."""
        name, kind = _key(str(request.q.qname)), QTYPE[request.q.qtype]
        self.asked.append((name, kind))
        if name in self._silent:
            raise DNSError("nothing is to be said")  # and dnslib says nothing
        reply = request.reply()
        if name in self._failing:
            reply.header.rcode = RCODE.SERVFAIL
        else:
            self._answer(reply, name, kind)
        return reply

    def _answer(self, reply: Any, name: str, kind: str) -> None:
        found = self._records.get((name, kind), []) or self._records.get((name, "CNAME"), [])
        reply.add_answer(*found)
        if found and found[0].rtype == QTYPE.CNAME and kind != "CNAME":
            self._answer(reply, _key(str(found[0].rdata.label)), kind)
        elif not found and not any(key[0] == name for key in list(self._records)):
            reply.header.rcode = RCODE.NXDOMAIN


def _key(name: str) -> str:
    return name.rstrip(".").lower()


class _Silent:
    """dnslib's server reports each question; tests need no such report."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args: None


class DnsServer:
    """Serves a zone by UDP and TCP: `with DnsServer() as dns: dns.zone.add(…); dns.address`."""

    def __init__(self, address: str = "127.0.0.1", port: int = 0) -> None:
        self.zone = Zone()
        self._host = address
        self._udp, self._tcp = self._bound(address, port)
        self.port: int = self._udp.server.server_address[1]

    def _bound(self, address: str, port: int) -> tuple[DNSServer, DNSServer]:
        """Listen by UDP and TCP at one port; one that is free for UDP may be another's by TCP."""
        for tries_left in reversed(range(20)):
            udp = DNSServer(self.zone, address=address, port=port, logger=_Silent())
            chosen = udp.server.server_address[1]
            try:
                tcp = DNSServer(self.zone, address=address, port=chosen, tcp=True, logger=_Silent())
            except OSError:
                udp.server.server_close()
                if port or not tries_left:
                    raise
            else:
                return udp, tcp
        raise AssertionError

    @property
    def address(self) -> str:
        """What DNS_SERVERS takes."""
        return f"{self._host}:{self.port}"

    def __enter__(self) -> DnsServer:
        for server in (self._udp, self._tcp):
            threading.Thread(
                target=server.server.serve_forever, args=[POLL_SECONDS], daemon=True
            ).start()
        return self

    def __exit__(self, *error: object) -> None:
        for server in (self._udp, self._tcp):
            server.server.shutdown()
            server.server.server_close()
