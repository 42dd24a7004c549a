"""A world of mail exchangers: a zone, and scripted servers that share a port."""

from collections.abc import Iterator
from contextlib import ExitStack
from ipaddress import ip_network

import pytest

from delivery.destinations.budget import Limits
from delivery.destinations.directory import Directory
from delivery.destinations.local import LocalBudget
from delivery.smtp import Timeouts
from delivery.smtp.dns import Resolver
from delivery.smtp.mx import Finder
from delivery.smtp.reach import Reach
from delivery.smtp.tests.factories import timeouts
from delivery.smtp.tests.scripted import ScriptedServer
from delivery.transports.mx import MxTransport
from delivery.transports.mx_hosts import Terms
from delivery.transports.mx_plan import Planner
from tests.dns_server import DnsServer
from tests.servers import free_port

LOOPBACK = Reach([ip_network("127.0.0.0/8")])


class World:
    """Domains with their exchangers, on 127.0.0.2 and the addresses that follow."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.dns = stack.enter_context(DnsServer())
        self.port = free_port()
        self.budget = LocalBudget()
        self.dns_seconds = 3.0  # for a question; less is missed on a busy machine
        self._last = 1

    def address(self) -> str:
        """Return one at which nobody listens yet."""
        self._last += 1
        return f"127.0.0.{self._last}"

    def exchanger(self, domain: str, preference: int = 10, name: str = "", **options):
        """Start a server and make it an exchanger of a domain."""
        address = self.address()
        server = self._stack.enter_context(ScriptedServer(host=address, port=self.port, **options))
        self.record(domain, preference, name or f"mx{self._last}.{domain}", address)
        return server

    def record(self, domain: str, preference: int, name: str, *addresses: str) -> None:
        """Add an MX record, and the addresses of the host."""
        self.dns.zone.add(domain, "MX", name, preference)
        for address in addresses:
            self.dns.zone.add(name, "A", address)

    def transport(
        self, *, wait: Timeouts | None = None, places: int = 200, **options
    ) -> MxTransport:
        """Return the transport of a worker in this world."""
        resolver = Resolver([self.dns.address], seconds=self.dns_seconds)
        finder = Finder(resolver, "me.example", LOOPBACK)
        terms = Terms("me.example", self.port, wait or timeouts(), places)
        return MxTransport(Planner(finder, **options), self.budget, terms)

    def allow(self, limits: Limits) -> None:
        """Write limits for every host, as staff do."""
        self.budget.follow(Directory({"*": limits}))


@pytest.fixture
def world() -> Iterator[World]:
    with ExitStack() as stack:
        yield World(stack)
