"""Which IP addresses what others name may lead us to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

UNICAST = ip_network("2000::/3")  # all of IPv6 that is given out (RFC 4291 §2.4)
HIDING = [ip_network("2002::/16"), ip_network("2001::/32")]  # IPv4 addresses in it: 6to4, Teredo


@dataclass(frozen=True, slots=True)
class Reach:
    """The public Internet, and networks that are allowed beside it.

    Who names a host to us, as an MX record does, must not lead us into a network behind us.
    """

    allowed: Sequence[Network] = ()

    def includes(self, address: str) -> bool:
        """Tell whether we go to an IP address."""
        ip = ip_address(address)
        return is_public(address) or any(ip in network for network in self.allowed)


def is_public(address: str) -> bool:
    """Tell whether an IP address is one that anybody on the Internet may reach.

    An IPv6 address that stands for an IPv4 address is not: where it leads depends on the network.
    """
    ip = ip_address(address)
    if ip.version == 6 and (ip not in UNICAST or any(ip in network for network in HIDING)):
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved)
