"""How the sending domains stand: their records, and whether their mail passes DMARC."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from django.db.models import QuerySet

from accounts.models import DkimKey, SendingDomain
from delivery.doctor.examination import Examination
from delivery.doctor.parts import database_answers
from delivery.doctor.verdict import Level, Verdict
from delivery.domains.checking import findings_of, records_of
from delivery.domains.checks import Finding, State, look_up
from delivery.domains.records import Purpose

# How bad it is that a record is wrong, and that it is missing.
LEVELS = {
    Purpose.DKIM: (Level.PROBLEM, Level.PROBLEM),
    Purpose.RETURN_PATH: (Level.WARNING, Level.WARNING),
    Purpose.RETURN_PATH_SPF: (Level.PROBLEM, Level.WARNING),
    Purpose.SPF: (Level.PROBLEM, Level.WARNING),
    Purpose.DMARC: (Level.WARNING, Level.WARNING),
    Purpose.TRACKING: (Level.PROBLEM, Level.OK),  # links in mail already sent may lead there
    Purpose.STS: (Level.WARNING, Level.OK),  # OK: what is optional may be left out
    Purpose.STS_HOST: (Level.WARNING, Level.OK),
}
SAYS = {
    Purpose.DKIM: "The DKIM record {name} is {state}",
    Purpose.RETURN_PATH: "The MX record of the return path {name} is {state}",
    Purpose.RETURN_PATH_SPF: "SPF of the return path {name} is {state}",
    Purpose.SPF: "SPF of {name} is {state}",
    Purpose.DMARC: "The DMARC record {name} is {state}",
    Purpose.TRACKING: "The tracking name {name} is {state}",
    Purpose.STS: "The MTA-STS record {name} is {state}",
    Purpose.STS_HOST: "The host {name} of the MTA-STS policy is {state}",
}


def check_domains(examination: Examination) -> Iterator[Verdict]:
    """Look every record up anew; nothing is written."""
    if not database_answers():
        return
    domains = _domains(examination)
    if not domains:
        yield Verdict(
            "domains",
            examination.domain,
            Level.WARNING,
            "There is no sending domain: mail is not signed.",
            "Add one in the admin (Sending domains) or by POST /api/domains.",
        )
    for domain in domains:
        yield from _domain(examination, domain)


def _domains(examination: Examination) -> QuerySet[SendingDomain]:
    found = SendingDomain.objects.order_by("name", "pk")
    return found.filter(name=examination.domain) if examination.domain else found


def _domain(examination: Examination, domain: SendingDomain) -> Iterator[Verdict]:
    wanted = records_of(domain, examination.installation)
    found = look_up(wanted, examination.installation, examination.resolver)
    signing = {key.record.name for key in _signing(domain)}
    idle = {record.name for record in wanted if record.purpose == Purpose.DKIM} - signing
    before = findings_of(domain)
    for finding in found:
        since = finding.known_since(before)
        yield _record(domain, replace(finding, since=since), idle=finding.name in idle)
    yield _alignment(domain, found, signing)


def _signing(domain: SendingDomain) -> list[DkimKey]:
    return list(domain.dkim_keys.signing().select_related("domain"))


def _record(domain: SendingDomain, finding: Finding, *, idle: bool) -> Verdict:
    purpose = Purpose(finding.purpose)
    check = purpose.value
    says = SAYS[purpose].format(name=finding.name, state=finding.state) + _since(finding)
    if finding.state is State.RIGHT:
        return Verdict(check, domain.name, Level.OK, f"{says}.")
    if finding.state is State.UNKNOWN:
        return Verdict(check, domain.name, Level.UNKNOWN, f"{says}.", finding.advice)
    level = LEVELS[purpose][finding.state is State.MISSING]
    if level is Level.OK:
        return Verdict(check, domain.name, level, f"{says}, which nothing needs.")
    if idle:
        level, says = Level.WARNING, f"{says}; its key does not sign (yet)"
    shown = f": {finding.found}" if finding.found else ""
    advice = f"{finding.advice} Expected: {finding.type} {finding.expected}"
    return Verdict(check, domain.name, level, f"{says}{shown}.", advice)


def _since(finding: Finding) -> str:
    return f" since {finding.since}" if finding.since else ""


def _alignment(domain: SendingDomain, found: list[Finding], signing: set[str]) -> Verdict:
    """Tell whether mail passes DMARC: by an aligned signature, or by an aligned return path."""
    right = [finding for finding in found if finding.state is State.RIGHT]
    by_dkim = any(f.purpose == Purpose.DKIM and f.name in signing for f in right)
    purposes = {finding.purpose for finding in right}
    by_spf = {Purpose.RETURN_PATH, Purpose.RETURN_PATH_SPF} <= purposes and not _strict(found)
    ways = [name for name, holds in (("DKIM", by_dkim), ("SPF", by_spf)) if holds]
    if ways:
        says = f"Mail from {domain} is aligned by {' and '.join(ways)}."
        return Verdict("alignment", domain.name, Level.OK, says)
    if any(finding.state is State.UNKNOWN for finding in found):
        says = f"Whether mail from {domain} is aligned is not known: DNS gave no answer."
        return Verdict("alignment", domain.name, Level.UNKNOWN, says, "Look again later.")
    return Verdict(
        "alignment",
        domain.name,
        Level.PROBLEM,
        f"Mail from {domain} is not aligned: neither signature nor return path is its own.",
        "Mend the DKIM record first; without one receivers that follow DMARC refuse the mail.",
    )


def _strict(found: list[Finding]) -> bool:
    """Tell whether DMARC wants the very domain in the return path, which is one below it."""
    dmarc = [f.found.replace(" ", "").lower() for f in found if f.purpose == Purpose.DMARC]
    return any("aspf=s" in text for text in dmarc)
