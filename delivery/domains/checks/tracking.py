"""Whether a name of the domain's own leads readers to us, by https."""

from __future__ import annotations

from urllib.parse import urlsplit

from delivery.domains.checks.finding import Finding, missing, right, unknown, wrong
from delivery.domains.https import NotServed, get
from delivery.domains.installation import Installation
from delivery.domains.records import Record
from delivery.smtp.dns import DnsUnreachable, NoSuchName, Resolver

NOT_NEEDED = "Leave it out, or add it when the operator of this server is ready for it."
PIXEL = "/t/o/x.gif"  # answered whatever the token is, and recorded for a right one alone


def check_tracking(record: Record, installation: Installation, resolver: Resolver) -> Finding:
    """Look where the name leads, then ask there. No other address than ours is ever called."""
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
    return _served(record, found, installation, theirs[-1])


def _target(name: str, resolver: Resolver) -> str:
    """Return the alias, or the addresses where a provider writes them in its place."""
    return resolver.alias(name) or ", ".join(resolver.addresses(name))


def _served(record: Record, found: str, installation: Installation, address: str) -> Finding:
    port = urlsplit(installation.public_url).port or 443
    try:
        answer = get(record.name, PIXEL, address, port=port)
    except NotServed as fault:
        advice = (
            f"The record is right, but https://{record.name} is not served ({fault}): the "
            "operator of this server has to get a certificate for the name. Links do not use it."
        )
        return wrong(record, found, advice)
    if answer.status != 200 or not answer.body.startswith(b"GIF"):
        advice = f"https://{record.name} leads to another server. Links do not use it."
        return wrong(record, found, advice)
    return right(record, found)
