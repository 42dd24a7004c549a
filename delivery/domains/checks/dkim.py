"""Whether DNS shows the public half of a key (RFC 6376 §3.6.1)."""

from __future__ import annotations

import re

from delivery.domains.checks.finding import Finding, missing, right, unknown, wrong
from delivery.domains.checks.tags import tag_list
from delivery.domains.installation import Installation
from delivery.domains.records import Record
from delivery.smtp.dns import DnsUnreachable, NoSuchName, Resolver

REPLACE = "Replace it by the value that is expected."


def check_dkim(record: Record, installation: Installation, resolver: Resolver) -> Finding:
    """Compare the key in DNS with ours."""
    try:
        texts = _texts(resolver, record.name)
        if not texts:
            return missing(record, _misplaced(record, resolver))
    except DnsUnreachable:
        return unknown(record)
    found = " | ".join(texts)
    if len(texts) > 1:  # what receivers make of it is undefined (§3.6.2.2)
        return wrong(record, found, "There are several records of this name. Keep only the right.")
    fault = _fault(texts[0], record.value)
    return wrong(record, found, fault) if fault else right(record, found, _remark(texts[0]))


def _texts(resolver: Resolver, name: str) -> list[str]:
    try:
        return resolver.texts(name)
    except NoSuchName:
        return []


def _misplaced(record: Record, resolver: Resolver) -> str:
    """Say so where the DNS provider put the domain behind a name that had it already."""
    label, _, domain = record.name.partition("._domainkey.")
    doubled = f"{record.name}.{domain}"
    if not _texts(resolver, doubled):
        return ""
    return (
        f"The record was found at {doubled}: your DNS provider adds the domain by itself. "
        f"Give it only “{label}._domainkey” as the name."
    )


def _fault(text: str, expected: str) -> str:
    """Return what is wrong with a key record, "" where it is ours."""
    tags, ours = tag_list(text), tag_list(expected) or {}
    if tags is None:
        return f"This is no DKIM record: it has to be a list of tags with semicolons. {REPLACE}"
    if "v" in tags and (tags["v"] != "DKIM1" or next(iter(tags)) != "v"):
        return f"“v=DKIM1” has to come first, written like this. {REPLACE}"
    key = re.sub(r"\s+", "", tags.get("p", ""))
    if not key:
        return f"The key in it is empty, which means that it was revoked. {REPLACE}"
    if tags.get("k", "rsa") != ours["k"]:
        return f"It says k={tags.get('k', 'rsa')}, where k={ours['k']} is expected. {REPLACE}"
    if key != ours["p"]:
        cut = ours["p"].startswith(key)
        why = "The key in it is cut off" if cut else "The key in it is another one"
        return f"{why}. {REPLACE}"
    return _limits(tags)


def _limits(tags: dict[str, str]) -> str:
    hashes = tags.get("h", "sha256").replace(" ", "").split(":")
    if "sha256" not in hashes:
        return f"It allows only h={tags['h']}, and we sign with sha256. Take h= out of it."
    services = tags.get("s", "*").replace(" ", "").split(":")
    if not {"*", "email"} & set(services):
        return f"It is not for email: s={tags['s']}. Take s= out of it."
    return ""


def _remark(text: str) -> str:
    flags = (tag_list(text) or {}).get("t", "").replace(" ", "").split(":")
    if "y" in flags:
        return "“t=y” says that it is only a trial. Take it out when mail arrives well."
    return ""
