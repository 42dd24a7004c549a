"""The DNS of a run: domains whose mail all comes to the sink, each by a way of its own.

`python -m tests.chaos.names PORT`: serves until ended.
"""

from __future__ import annotations

import signal
import sys

from tests.dns_server import DnsServer, Zone
from tests.servers import HOST

NOBODY = "127.0.0.9"  # nothing listens there
DOMAINS = ("chaos.example", "plain.example", "pair.example", "broken.example", "bare.example")


def fill(zone: Zone) -> None:
    """Write the zone; answers are kept for so short that DNS is asked again and again."""
    zone.add("mx.sink.example", "A", HOST, ttl=2)
    zone.add("mx.away.example", "A", NOBODY, ttl=2)
    zone.add("chaos.example", "MX", "mx.sink.example", 10, ttl=2)
    zone.add("plain.example", "MX", "mx.sink.example", 10, ttl=2)
    for name in ("mx.sink.example", "mx2.sink.example"):  # equal: either may be first
        zone.add("pair.example", "MX", name, 10, ttl=2)
    zone.add("mx2.sink.example", "A", HOST, ttl=2)
    zone.add("broken.example", "MX", "mx.away.example", 5, ttl=2)
    zone.add("broken.example", "MX", "mx.sink.example", 10, ttl=2)
    zone.add("bare.example", "A", HOST, ttl=2)  # no MX: its own address is meant


def main() -> None:
    """Serve."""
    with DnsServer(port=int(sys.argv[1])) as server:
        fill(server.zone)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main()
