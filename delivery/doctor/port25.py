"""Whether port 25 of other mail servers can be reached from here."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

from accounts.models import SendingDomain
from delivery.doctor.examination import Examination
from delivery.doctor.parts import database_answers
from delivery.doctor.verdict import Level, Verdict, unanswered
from delivery.doctor.ways import sends_itself
from delivery.smtp.dns import DnsError, DnsUnreachable, NoSuchName

MOST_ADDRESSES = 4
MOST_DOMAINS = 5
GIVE_PROBE = "Give a domain whose mail server may be called: --probe gmail.com."


def check_port25(examination: Examination) -> Iterator[Verdict]:
    """Call a mail server, where any mail leaves without a relay or somebody asks for it."""
    if examination.probe:
        yield _probed(examination, examination.probe)
    elif sends_itself(examination):
        yield _by_itself(examination)


def _probed(examination: Examination, domain: str) -> Verdict:
    try:
        addresses = _addresses(examination, domain)
    except NoSuchName as error:
        return Verdict("port25", domain, Level.UNKNOWN, f"{error}.", GIVE_PROBE)
    except DnsUnreachable as error:
        return unanswered("port25", domain, error)
    return _called(examination, domain, addresses)


def _by_itself(examination: Examination) -> Verdict:
    """Call a mail server of a sending domain, but not this machine or one that no mail goes to.

    Whoever reaches itself has not learnt whether its provider lets port 25 out.
    """
    trouble = None
    own = _own(examination)
    for domain in _domains(examination):
        try:
            addresses = _addresses(examination, domain)
        except NoSuchName:
            continue
        except DnsUnreachable as error:
            trouble = trouble or unanswered("port25", domain, error)
            continue
        reached = filter(examination.reach.includes, addresses)
        if others := [address for address in reached if ip_address(address) not in own]:
            return _called(examination, domain, others)
    return trouble or Verdict(
        "port25",
        examination.domain,
        Level.UNKNOWN,
        "No mail server was called: no sending domain names one that is not this machine.",
        GIVE_PROBE,
    )


def _domains(examination: Examination) -> list[str]:
    if examination.domain or not database_answers():
        return [examination.domain] if examination.domain else []
    verified = SendingDomain.objects.verified().order_by("name")
    return list(dict.fromkeys(verified.values_list("name", flat=True)))[:MOST_DOMAINS]


def _own(examination: Examination) -> set[IPv4Address | IPv6Address]:
    """Return the addresses that lead to this machine, as far as they are known."""
    installation = examination.installation
    try:
        named = examination.resolver.addresses(installation.mail_host)
    except DnsError:
        named = []  # said of HELO_NAME already
    return {ip_address(address) for address in (*named, *installation.addresses)}


def _addresses(examination: Examination, domain: str) -> list[str]:
    hosts = [host.name for host in examination.resolver.mail_hosts(domain) if host.name]
    found: list[str] = []
    for host in hosts or [domain]:
        try:
            found += examination.resolver.addresses(host)
        except (NoSuchName, DnsUnreachable):
            continue
    # IPv4 first: where a machine has no IPv6, that is no fault of port 25
    return sorted(found, key=lambda address: ":" in address)


def _called(examination: Examination, domain: str, addresses: list[str]) -> Verdict:
    said = []
    timed_out = False
    for address in addresses[:MOST_ADDRESSES]:
        try:
            greeting = _greeting(examination, address)
        except TimeoutError:
            timed_out = True
            said.append(f"{address} does not answer")
        except OSError as error:
            said.append(f"{address}: {error.strerror or error}")
        else:
            if greeting.startswith("220"):
                return Verdict("port25", domain, Level.OK, f"{address} greets us: {greeting}")
            said.append(f"{address} greets us with “{greeting}”")
    return _nobody(domain, said, timed_out)


def _greeting(examination: Examination, address: str) -> str:
    """Return the first line that the server says; it is told QUIT. Raises OSError."""
    where = (address, examination.mx_port)
    with socket.create_connection(where, timeout=examination.seconds) as connection:
        with connection.makefile("rb") as lines:
            line = lines.readline(512)
        connection.sendall(b"QUIT\r\n")
    return line.decode("utf-8", "replace").strip()


def _nobody(domain: str, said: list[str], timed_out: bool) -> Verdict:
    tried = "; ".join(said) or f"{domain} has no mail server"
    if timed_out:
        return Verdict(
            "port25",
            domain,
            Level.PROBLEM,
            f"No mail server of {domain} can be reached: {tried}.",
            "Your provider blocks port 25, as most do at first: ask them to open it, or send by "
            "a relay (MAIL_TRANSPORT=relay).",
        )
    return Verdict(
        "port25",
        domain,
        Level.WARNING,
        f"No mail server of {domain} takes us: {tried}.",
        "It may be down, or refuse this address. Where every domain that you give by --probe is "
        "like this, your provider blocks port 25: ask them to open it, or send by a relay.",
    )
