"""Whether bounces come home: the MX record of the return path."""

from __future__ import annotations

from delivery.domains.checks.finding import Finding, missing, right, unknown, wrong
from delivery.domains.installation import Installation
from delivery.domains.records import Record
from delivery.smtp.dns import DnsUnreachable, NoSuchName, Resolver


def check_mx(record: Record, installation: Installation, resolver: Resolver) -> Finding:
    """Compare the mail hosts of the name with ours; the preference does not matter."""
    try:
        hosts = resolver.mail_hosts(record.name)
    except NoSuchName:
        return missing(record)
    except DnsUnreachable:
        return unknown(record)
    found = ", ".join(f"{host.preference} {host.name}." for host in hosts)
    names = {host.name for host in hosts}
    if names == {installation.mail_host}:
        return right(record, found)
    if not names:
        return missing(record)
    if installation.mail_host in names:
        return wrong(record, found, "Remove the other hosts: what they take never comes home.")
    return wrong(record, found, f"Let it name {installation.mail_host} and no other host.")
