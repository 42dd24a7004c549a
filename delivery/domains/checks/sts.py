"""Whether DNS announces the MTA-STS policy of the return path (RFC 8461 §3.1)."""

from __future__ import annotations

from delivery.domains.checks.finding import Finding, missing, right, unknown, wrong
from delivery.domains.checks.tracking import NOT_NEEDED
from delivery.domains.installation import Installation
from delivery.domains.policy import id_of, policy_of
from delivery.domains.records import Record
from delivery.smtp.dns import DnsUnreachable, NoSuchName, Resolver
from delivery.smtp.mta_sts import policy_id


def check_sts(record: Record, installation: Installation, resolver: Resolver) -> Finding:
    """Compare the id that is announced with that of the policy that we serve."""
    try:
        texts = resolver.texts(record.name)
    except NoSuchName:
        texts = []
    except DnsUnreachable:
        return unknown(record)
    if not texts:
        return missing(record, NOT_NEEDED)
    found = " | ".join(texts)
    if policy_id(texts) == id_of(policy_of(installation.mail_host)):
        return right(record, found)
    return wrong(record, found, "Replace it by the value that is expected.")
