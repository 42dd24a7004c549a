"""Whether DMARC is published, and whether our mail is aligned under it (RFC 7489)."""

from __future__ import annotations

from delivery.domains.checks.finding import Finding, missing, right, unknown, wrong
from delivery.domains.checks.tags import tag_list
from delivery.domains.installation import Installation
from delivery.domains.records import Record
from delivery.smtp.dns import DnsUnreachable, NoSuchName, Resolver

POLICIES = ("none", "quarantine", "reject")
MOST_PARENTS = 8  # as receivers that walk up the tree


def check_dmarc(record: Record, installation: Installation, resolver: Resolver) -> Finding:
    """Read the policy of the domain, or of the closest parent that has one (§6.6.3)."""
    domain = record.name.removeprefix("_dmarc.")
    try:
        place, texts = _closest(domain, resolver)
    except DnsUnreachable:
        return unknown(record)
    if not texts:
        return missing(record)
    found = " | ".join(texts)
    if place != domain:
        found = f"at _dmarc.{place}: {found}"
    if len(texts) > 1:
        return wrong(record, found, "There are several DMARC records: then none counts. Keep one.")
    fault = _fault(texts[0])
    return wrong(record, found, fault) if fault else right(record, found, _remark(texts[0]))


def _closest(domain: str, resolver: Resolver) -> tuple[str, list[str]]:
    labels = domain.split(".")
    for start in range(min(len(labels) - 1, MOST_PARENTS)):
        place = ".".join(labels[start:])
        try:
            texts = resolver.texts(f"_dmarc.{place}")
        except NoSuchName:
            continue
        if mine := [text for text in texts if text.lower().lstrip().startswith("v=dmarc")]:
            return place, mine
        if start == 0 and texts:
            return place, texts  # something else stands at the very name
    return domain, []


def _fault(text: str) -> str:
    """Return why receivers pass the record over, "" where they do not (§6.3)."""
    tags = tag_list(text)
    if tags is None:
        return "It is no list of tags with semicolons, like “v=DMARC1; p=none”."
    if next(iter(tags.items())) != ("v", "DMARC1"):
        return "“v=DMARC1” has to come first, written in capitals."
    policy = tags.get("p", "").lower()
    if policy not in POLICIES:
        return f"p={tags.get('p', '')} is no policy. Write p=none, p=quarantine or p=reject."
    for tag in ("adkim", "aspf"):
        if tags.get(tag, "r").lower() not in ("r", "s"):
            return f"{tag}={tags[tag]} means nothing. Write {tag}=r, or leave it out."
    return ""


def _remark(text: str) -> str:
    """Say what the alignment that is asked for means for our mail: d= is the domain itself."""
    tags = {name: value.lower() for name, value in (tag_list(text) or {}).items()}
    remarks = []
    if tags.get("adkim") == "s":
        remarks.append(
            "adkim=s: mail from names below this domain is not aligned by its signature; add "
            "those that you send from as domains of their own."
        )
    if tags.get("aspf") == "s":
        remarks.append(
            "aspf=s: SPF can't be aligned, because the return path is a name below the domain. "
            "The signature alone has to carry the mail; aspf=r lets both."
        )
    if tags["p"] == "none":
        remarks.append("p=none only watches; raise it when all has been right for some weeks.")
    return " ".join(remarks)
