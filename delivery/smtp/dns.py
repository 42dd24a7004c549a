"""Questions to DNS, answered in values: what there is, nothing, no such name, or no answer now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dns.exception
import dns.name
import dns.resolver
import dns.reversename
from dns.rdtypes.ANY.CNAME import CNAME
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.PTR import PTR
from dns.rdtypes.ANY.TXT import TXT

from .answers import Answers
from .name_servers import Found, NameServer, NameServers, NoAnswer

CACHED_ANSWERS = 50_000


class DnsError(Exception):
    """A question had no answer; `str()` says why, for a person."""


class NoSuchName(DnsError):
    """The name does not exist (NXDOMAIN): asking again is of no use."""


class DnsUnreachable(DnsError):
    """No server answered in time, or it failed (SERVFAIL): nothing is known, ask again later."""


@dataclass(frozen=True, slots=True)
class MailHost:
    """One MX record; `name` without the dot of the root, empty for a null MX (RFC 7505)."""

    preference: int
    name: str


class Resolver:
    """Asks `servers` (`address` or `address:port`), or those of the system. For many threads.

    Answers, that there is none too, are kept for their time to live. `seconds` bounds a question,
    which waits by WAITER. Raises DnsError where the system names no servers.
    """

    def __init__(self, servers: Sequence[str] = (), *, seconds: float = 8.0) -> None:
        if servers:
            self._servers = NameServers([_server(written) for written in servers], seconds)
        else:
            system = _of_system()
            named = [NameServer(str(address)) for address in system.nameservers]
            self._servers = NameServers(named, seconds, edns=system.edns, payload=system.payload)
        self._answers = Answers(CACHED_ANSWERS)

    def mail_hosts(self, domain: str) -> list[MailHost]:
        """Return the MX records, the lowest preference first; none is an empty list.

        Raises NoSuchName or DnsUnreachable, as every method does.
        """
        records = self._ask(domain, "MX")
        hosts = [MailHost(r.preference, _written(r.exchange)) for r in records if isinstance(r, MX)]
        return sorted(hosts, key=lambda host: host.preference)

    def addresses(self, host: str, kinds: Sequence[str] = ("AAAA", "A")) -> list[str]:
        """Return the IP addresses, IPv6 first; none is an empty list."""
        found: list[str] = []
        trouble: DnsUnreachable | None = None
        for kind in kinds:
            try:
                found += [record.to_text() for record in self._ask(host, kind)]
            except DnsUnreachable as error:  # some servers fail at AAAA alone
                trouble = error
        if trouble and not found:
            raise trouble
        return found

    def texts(self, name: str) -> list[str]:
        """Return the TXT records, the strings of each joined (RFC 7208 §3.3)."""
        records = [record for record in self._ask(name, "TXT") if isinstance(record, TXT)]
        return [b"".join(record.strings).decode("utf-8", "replace") for record in records]

    def alias(self, name: str) -> str | None:
        """Return the target of a CNAME, or None."""
        targets = [r.target for r in self._ask(name, "CNAME") if isinstance(r, CNAME)]
        return _written(targets[0]) if targets else None

    def names_of(self, address: str) -> list[str]:
        """Return the names that PTR records give an IP address."""
        name = dns.reversename.from_address(address).to_text()
        return [_written(r.target) for r in self._ask(name, "PTR") if isinstance(r, PTR)]

    def _ask(self, name: str, kind: str) -> Sequence[Any]:
        known, records = self._answers.get(name, kind)
        if not known:
            records, seconds = self._resolve(name, kind)
            self._answers.keep(name, kind, records, seconds)
        if records is None:
            raise NoSuchName(f"{name} does not exist in DNS")
        return records

    def _resolve(self, name: str, kind: str) -> Found:
        try:
            return self._servers.ask(dns.name.from_text(name), kind)
        except NoAnswer as error:
            raise DnsUnreachable(f"DNS gives no answer for {kind} of {name}: {error}") from None
        except dns.exception.DNSException as error:  # a name that DNS can't hold
            raise NoSuchName(f"{name} is no name that DNS knows: {error}") from None


def _of_system() -> dns.resolver.Resolver:
    try:
        return dns.resolver.Resolver()
    except dns.resolver.NoResolverConfiguration:
        raise DnsError("this system names no DNS servers (/etc/resolv.conf)") from None


def _server(written: str) -> NameServer:
    """Read `192.0.2.1`, `192.0.2.1:5300`, `2001:db8::1` or `[2001:db8::1]:5300`."""
    address, _, port = written.rpartition(":")
    if written.startswith("[") or written.count(":") == 1:
        return NameServer(address.strip("[]") or written.strip("[]"), int(port))
    return NameServer(written)


def _written(name: object) -> str:
    return str(name).rstrip(".").lower()
