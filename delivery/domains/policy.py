"""The MTA-STS policy of the names that bounces come to (RFC 8461): our mail server, by TLS."""

from __future__ import annotations

import hashlib

PATH = "/.well-known/mta-sts.txt"
MAX_AGE = 604_800  # a week: whoever takes the certificate away again waits so long


def policy_of(mail_host: str) -> str:
    """Return the text that is served (§3.2)."""
    lines = ("version: STSv1", "mode: enforce", f"mx: {mail_host}", f"max_age: {MAX_AGE}")
    return "".join(f"{line}\r\n" for line in lines)


def id_of(policy: str) -> str:
    """Return what the TXT record tells of it: another policy has another id (§3.1)."""
    return hashlib.sha256(policy.encode()).hexdigest()[:20]
