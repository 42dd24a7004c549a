"""Whether the name that we greet with is one, and leads to the addresses that mail leaves from."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from delivery.doctor.examination import Examination
from delivery.doctor.verdict import Level, Verdict, unanswered
from delivery.smtp.dns import DnsUnreachable, NoSuchName


def check_helo(examination: Examination) -> Iterator[Verdict]:
    """Look HELO_NAME up (RFC 5321 §4.1.1.1)."""
    name = examination.installation.mail_host
    if "." not in name or name.endswith(".localhost"):
        yield Verdict(
            "helo",
            name,
            Level.PROBLEM,
            f"HELO_NAME is {name}, which is no name that the world knows.",
            "Set HELO_NAME to the full name of this mail server, such as mail.example.com.",
        )
        return
    try:
        addresses = examination.resolver.addresses(name)
    except DnsUnreachable as error:
        yield unanswered("helo", name, error)
        return
    except NoSuchName:
        addresses = []
    yield _judged(examination, name, addresses)


def _judged(examination: Examination, name: str, addresses: list[str]) -> Verdict:
    if not addresses:
        return Verdict(
            "helo",
            name,
            Level.PROBLEM,
            f"HELO_NAME is {name}, which has no address in DNS.",
            f"Add an A record for {name} with the address of this server (and AAAA for IPv6).",
        )
    others = [a for a in examination.installation.addresses if not _holds(addresses, a)]
    if others and not examination.installation.relayed:
        return Verdict(
            "helo",
            name,
            Level.WARNING,
            f"{name} does not lead to {', '.join(others)}, from which mail leaves.",
            f"Add A or AAAA records of {name} with them: some receivers refuse a greeting whose "
            "name leads elsewhere.",
        )
    return Verdict("helo", name, Level.OK, f"{name} leads to {', '.join(addresses)}.")


def _holds(addresses: list[str], address: str) -> bool:
    return any(ip_address(found) == ip_address(address) for found in addresses)
