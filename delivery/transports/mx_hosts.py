"""Every address that mail goes to now or went to lately, and no more of them than fit."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock

from delivery.destinations.budget import Budget
from delivery.smtp import Endpoint, Timeouts, TlsPolicy
from delivery.smtp.mx import MailExchanger
from delivery.transports.mx_host import MxHost
from delivery.transports.mx_slots import Crowd

MOST_HOSTS = 2000
MOST_OPEN = 300  # connections; idle ones are closed beyond
SLOW_SECONDS = 5.0  # without having let us in; less may be our own slowness


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for every exchanger: our name, the port, how long to wait for an answer.

    `places`: deliveries that a worker has at once.
    """

    helo_name: str
    port: int = 25
    timeouts: Timeouts = field(default_factory=Timeouts)
    places: int = 200


class MxHosts:
    """Finds the host of an exchanger; those used longest ago are forgotten first.

    Whoever enters must leave: a host in use is never forgotten. Domains that share an address
    share its host, unless the certificate is verified, which is for one name.
    """

    def __init__(
        self,
        budget: Budget,
        terms: Terms,
        most_hosts: int = MOST_HOSTS,
        most_open: int = MOST_OPEN,
    ) -> None:
        self._budget, self._terms = budget, terms
        self._most_hosts, self._most_open = most_hosts, most_open
        self._lock = Lock()
        self._known: OrderedDict[tuple[str, str, TlsPolicy], MxHost] = OrderedDict()
        self._crowd = Crowd(may_wait=max(terms.places // 4, 1))
        self._closed = False

    def enter(self, exchanger: MailExchanger, tls: TlsPolicy) -> MxHost:
        """Return the host, which stays until `leave`."""
        self._make_room()
        key = (exchanger.host if tls.verify else "", exchanger.address, tls)
        with self._lock:
            host = self._known.get(key)
            if host is None:
                host = self._known[key] = self._made(exchanger, tls)
            self._known.move_to_end(key)
            host.users += 1
            return host

    def leave(self, host: MxHost) -> None:
        """Let it go."""
        with self._lock:
            host.users -= 1

    def all(self) -> list[MxHost]:
        """Return them, the one used longest ago first."""
        with self._lock:
            return list(self._known.values())

    def connections(self) -> int:
        """Return how many are open."""
        return self._crowd.connections.number

    def let_others_pass(self) -> None:
        """Cut the latest mails to hosts that let nobody in, where these hold half of the places.

        So those that have waited longest get the patience that RFC 5321 (§4.5.3.2) asks for. No
        word was said of a mail that is cut: the next exchanger may get it.
        """
        before = time.monotonic() - SLOW_SECONDS
        busy = [place for host in self.all() for place in host.busy()]
        outside = [place for place in busy if place.since < before and not place.session.is_open]
        outside.sort(key=lambda place: place.since)
        for place in outside[max(self._terms.places // 2, 1) :]:
            place.cut()

    def admit_no_more(self) -> None:
        """Send off who waits, and whoever comes."""
        with self._lock:
            self._closed = True
        for host in self.all():
            host.admit_no_more()

    def _made(self, exchanger: MailExchanger, tls: TlsPolicy) -> MxHost:
        endpoint = Endpoint(
            exchanger.host,
            self._terms.port,
            self._terms.helo_name,
            address=exchanger.address,
            public=True,
            tls=tls,
            chunking=False,  # strangers are not tried out, and their silence is not ambiguous
            timeouts=self._terms.timeouts,
        )
        host = MxHost(endpoint, self._budget, self._crowd, self._relieve)
        if self._closed:
            host.admit_no_more()
        return host

    def _make_room(self) -> None:
        """Forget a quarter of the hosts, or close idle connections, where there are too many."""
        if len(self._known) >= self._most_hosts:
            self._forget()
        if self._crowd.connections.number >= self._most_open:
            for host in self.all():
                host.tidy(idle=0)
                if self._crowd.connections.number <= self._most_open * 3 // 4:
                    break

    def _forget(self) -> None:
        with self._lock:
            unused = [key for key, host in self._known.items() if not host.users]
            forgotten = [self._known.pop(key) for key in unused[: self._most_hosts // 4]]
        for host in forgotten:
            host.close()

    def _relieve(self, name: str) -> None:
        """Close idle connections of all hosts that share the limits of one that got none."""
        destination = self._budget.destination(name)
        for host in self.all():
            if self._budget.destination(host.name) == destination:
                host.tidy(idle=0)
