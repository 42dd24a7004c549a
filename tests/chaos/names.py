"""The DNS of a run: domains whose mail all comes to the sink, each by a way of its own.

`python -m tests.chaos.names PORT`: serves until ended.
"""

from __future__ import annotations

import signal
import sys

from tests.dns_server import DnsServer, Zone
from tests.servers import HOST

ADDRESSES = (HOST, "127.0.0.11", "127.0.0.12", "127.0.0.13")  # of the sink
NOBODY = "127.0.0.9"  # nothing listens there
DOMAINS = ("chaos.example", "plain.example", "pair.example", "broken.example", "bare.example")


def fill(zone: Zone) -> None:
    """Write the zone; answers are kept for so short that DNS is asked again and again."""
    one, two, three, four = ADDRESSES
    hosts = {"mx1.sink": one, "mx2.sink": two, "mx3.sink": three, "mx.away": NOBODY}
    for name, address in hosts.items():
        zone.add(f"{name}.example", "A", address, ttl=2)
    zone.add("chaos.example", "MX", "mx1.sink.example", 10, ttl=2)
    zone.add("plain.example", "MX", "mx1.sink.example", 10, ttl=2)
    for name in ("mx1.sink.example", "mx2.sink.example"):  # equal: either may be first
        zone.add("pair.example", "MX", name, 10, ttl=2)
    zone.add("broken.example", "MX", "mx.away.example", 5, ttl=2)
    zone.add("broken.example", "MX", "mx3.sink.example", 10, ttl=2)
    zone.add("bare.example", "A", four, ttl=2)  # no MX: its own address is meant


def main() -> None:
    """Serve."""
    with DnsServer(port=int(sys.argv[1])) as server:
        fill(server.zone)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main()
