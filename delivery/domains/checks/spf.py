"""Whether SPF lets our addresses send, found out as a receiver would (RFC 7208)."""

from __future__ import annotations

from delivery.domains.checks.finding import Finding, missing, right, unknown, wrong
from delivery.domains.installation import Installation
from delivery.domains.records import Record
from delivery.smtp.dns import DnsUnreachable, NoSuchName, Resolver
from delivery.smtp.spf import SpfAnswer, SpfResult, evaluate
from delivery.smtp.spf.syntax import is_spf

COSTLY = 8  # lookups of the 10 that are allowed


def check_spf(record: Record, installation: Installation, resolver: Resolver) -> Finding:
    """Evaluate the record for every address that we send from."""
    try:
        addresses = installation.sending_addresses(resolver)
    except NoSuchName:
        addresses = []
    except DnsUnreachable:
        return unknown(record, f"DNS gave no answer about our mail server {installation.mail_host}")
    if not addresses:
        return unknown(record, f"{installation.mail_host}, our mail server, has no address in DNS")
    try:
        found = _record_of(record.name, resolver)
    except DnsUnreachable:
        return unknown(record)
    answers = {
        address: evaluate(resolver, record.name, address, helo=installation.mail_host)
        for address in addresses
    }
    return _judged(record, found, answers, installation)


def _record_of(name: str, resolver: Resolver) -> str:
    try:
        return " | ".join(text for text in resolver.texts(name) if is_spf(text))
    except NoSuchName:
        return ""


def _judged(
    record: Record, found: str, answers: dict[str, SpfAnswer], installation: Installation
) -> Finding:
    results = {answer.result for answer in answers.values()}
    worst = next((answer for answer in answers.values() if answer.result != "pass"), None)
    if worst is None:
        return right(record, found, _costs(max(answer.lookups for answer in answers.values())))
    if SpfResult.NONE in results:
        return missing(record)
    if SpfResult.TEMPERROR in results:
        return unknown(record, f"It can't be evaluated: {worst.reason.partition(':')[0]}")
    if SpfResult.PERMERROR in results:
        return wrong(record, found, f"Receivers can't use it: {worst.reason}. Mend that.")
    refused = ", ".join(address for address, answer in answers.items() if answer.result != "pass")
    better = _with(found, installation)
    advice = f"It does not let {refused} send ({worst.reason}). Change it to: {better}"
    return wrong(record, found, advice, better)


def _with(found: str, installation: Installation) -> str:
    """Return the record with us in it, before the term that ends it."""
    terms = [term for term in found.split(" ") if term and term not in installation.spf_terms]
    ends = [at for at, term in enumerate(terms) if term.lower().lstrip("+-~?") == "all"]
    at = ends[0] if ends else len(terms)
    return " ".join([*terms[:at], *installation.spf_terms, *terms[at:]])


def _costs(lookups: int) -> str:
    if lookups < COSTLY:
        return ""
    return (
        f"It needs {lookups} of the 10 lookups that receivers allow: take out what you do not use."
    )
