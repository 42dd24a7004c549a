"""Whether each sending address has a name in DNS (PTR) that leads back to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address, ip_network

from delivery.doctor.examination import Examination
from delivery.doctor.verdict import Level, Verdict, unanswered
from delivery.doctor.ways import sends_itself
from delivery.smtp.dns import DnsError, DnsUnreachable, NoSuchName

PRIVATE = [
    ip_network(written)
    for written in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"),
        *("127.0.0.0/8", "169.254.0.0/16", "::1/128", "fc00::/7", "fe80::/10"),
    )
]
ASK = "Ask whoever gave you the address (your hosting provider) to set its reverse DNS to"


def check_reverse(examination: Examination) -> Iterator[Verdict]:
    """Look each address up; a relay's are its owner's affair."""
    installation = examination.installation
    if installation.relayed:
        if not sends_itself(examination):
            return
        # SENDING_ADDRESSES are the relay's: what routes send without it leaves from HELO_NAME's.
        installation = replace(installation, addresses=(), relayed=False)
    try:
        addresses = installation.sending_addresses(examination.resolver)
    except DnsError:
        return  # said of HELO_NAME already
    for address in addresses:
        yield _reverse(examination, address)


def _reverse(examination: Examination, address: str) -> Verdict:
    wanted = examination.installation.mail_host
    if any(ip_address(address) in network for network in PRIVATE):
        return Verdict(
            "ptr",
            address,
            Level.WARNING,
            f"{address} is an address of a private network: the world sees another one.",
            "Name the address from which mail reaches the world in SENDING_ADDRESSES.",
        )
    try:
        names = examination.resolver.names_of(address)
        confirmed = [name for name in names if _leads_back(examination, name, address)]
    except NoSuchName:
        names, confirmed = [], []
    except DnsUnreachable as error:
        return unanswered("ptr", address, error)
    if confirmed:
        return Verdict("ptr", address, Level.OK, f"{address} is {confirmed[0]}, and back.")
    if not names:
        return Verdict(
            "ptr",
            address,
            Level.PROBLEM,
            f"{address} has no name in DNS (no PTR record): many receivers refuse its mail.",
            f"{ASK} {wanted}.",
        )
    return Verdict(
        "forward",
        address,
        Level.PROBLEM,
        f"{address} is called {names[0]}, but that name does not lead back to {address}.",
        f"Add an A or AAAA record of {names[0]} with {address}. Or: {ASK} {wanted}.",
    )


def _leads_back(examination: Examination, name: str, address: str) -> bool:
    try:
        found = examination.resolver.addresses(name)
    except NoSuchName:
        return False
    return any(ip_address(other) == ip_address(address) for other in found)
