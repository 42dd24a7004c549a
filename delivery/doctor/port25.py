"""Whether port 25 of other mail servers can be reached from here."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from accounts.models import SendingDomain
from delivery.doctor.examination import Examination
from delivery.doctor.parts import database_answers
from delivery.doctor.verdict import Level, Verdict, unanswered
from delivery.smtp.dns import DnsUnreachable, NoSuchName

MOST_ADDRESSES = 4
GIVE_PROBE = "Give a domain whose mail server may be called: --probe gmail.com."


def check_port25(examination: Examination) -> Iterator[Verdict]:
    """Call a mail server, where mail leaves without a relay or somebody asks for it."""
    if examination.transport != "mx" and not examination.probe:
        return
    domain = examination.probe or examination.domain or _any_domain()
    if not domain:
        yield Verdict("port25", "", Level.UNKNOWN, "No mail server was called.", GIVE_PROBE)
        return
    try:
        addresses = _addresses(examination, domain)
    except NoSuchName as error:
        yield Verdict("port25", domain, Level.UNKNOWN, f"{error}.", GIVE_PROBE)
    except DnsUnreachable as error:
        yield unanswered("port25", domain, error)
    else:
        yield _called(examination, domain, addresses)


def _any_domain() -> str:
    first = SendingDomain.objects.verified().first() if database_answers() else None
    return first.name if first else ""


def _addresses(examination: Examination, domain: str) -> list[str]:
    hosts = [host.name for host in examination.resolver.mail_hosts(domain) if host.name]
    found: list[str] = []
    for host in hosts or [domain]:
        try:
            found += examination.resolver.addresses(host)
        except (NoSuchName, DnsUnreachable):
            continue
    # IPv4 first: where a machine has no IPv6, that is no fault of port 25
    return sorted(found, key=lambda address: ":" in address)[:MOST_ADDRESSES]


def _called(examination: Examination, domain: str, addresses: list[str]) -> Verdict:
    said = []
    timed_out = False
    for address in addresses:
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
