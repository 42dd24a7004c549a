"""Whether a name of the domain's own leads to us, by https: for links, and for a policy."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from delivery.domains.checks.finding import Finding, missing, right, unknown, wrong
from delivery.domains.installation import Installation
from delivery.domains.policy import PATH, policy_of
from delivery.domains.records import Record
from delivery.https import FetchError, Site
from delivery.smtp.dns import DnsUnreachable, NoSuchName, Resolver

NOT_NEEDED = "Leave it out, or add it when the operator of this server is ready for it."
MOST_BYTES, SECONDS = 1_000_000, 5.0  # of an answer, which may be another server's page
PIXEL = "/t/o/x.gif"  # answered whatever the token is, and recorded for a right one alone


def check_tracking(record: Record, installation: Installation, resolver: Resolver) -> Finding:
    """Look where the name leads, then ask there for a pixel."""
    return _check(record, installation, resolver, PIXEL, lambda body: body.startswith(b"GIF"))


def check_policy_host(record: Record, installation: Installation, resolver: Resolver) -> Finding:
    """Look where the name leads, then ask there for the policy."""
    ours = policy_of(installation.mail_host).encode()
    return _check(record, installation, resolver, PATH, lambda body: body == ours)


def _check(
    record: Record,
    installation: Installation,
    resolver: Resolver,
    path: str,
    is_ours: Callable[[bytes], bool],
) -> Finding:
    """No other address than ours is ever called."""
    try:
        found = _target(record.name, resolver)
        theirs = resolver.addresses(record.name) if found else []
    except NoSuchName:
        return missing(record, NOT_NEEDED)
    except DnsUnreachable:
        return unknown(record)
    if not found:
        return missing(record, NOT_NEEDED)
    try:
        ours = resolver.addresses(installation.public_host)
    except (NoSuchName, DnsUnreachable):
        return unknown(record, f"DNS gave no answer about {installation.public_host}")
    if not theirs or not set(theirs) <= set(ours):
        return wrong(record, found, f"Let it be an alias (CNAME) of {installation.public_host}.")
    port = urlsplit(installation.public_url).port or 443
    fault = _fault(record.name, path, theirs[-1], port, is_ours)
    return wrong(record, found, fault) if fault else right(record, found)


def _target(name: str, resolver: Resolver) -> str:
    """Return the alias, or the addresses where a provider writes them in its place."""
    return resolver.alias(name) or ", ".join(resolver.addresses(name))


def _fault(name: str, path: str, address: str, port: int, is_ours: Callable[[bytes], bool]) -> str:
    """Return why the name is not used, "" where it is."""
    try:
        answer = Site(name, address, port).get(path, most_bytes=MOST_BYTES, seconds=SECONDS)
    except FetchError as fault:
        return (
            f"The record is right, but https://{name} is not served ({fault}): the operator of "
            "this server has to get a certificate for the name. Until then it is not used."
        )
    if answer.status != 200 or not is_ours(answer.content):
        return f"https://{name} leads to another server. It is not used."
    return ""
