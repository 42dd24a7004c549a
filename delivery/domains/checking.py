"""One look at DNS for a sending domain, and what follows from it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.models import DkimKey, SendingDomain
from delivery.domains.checks import Finding, State, look_up
from delivery.domains.installation import Installation, fresh_resolver, this_installation
from delivery.domains.records import Purpose, Record, SigningRecord, records
from delivery.smtp.dns import Resolver

logger = logging.getLogger(__name__)

SOON = timedelta(minutes=2)  # while somebody is waiting for it
LATER = timedelta(hours=1)  # for what has been left lying for a day
DAILY = timedelta(days=1)
LEFT_LYING = timedelta(days=1)


def records_of(domain: SendingDomain, installation: Installation | None = None) -> list[Record]:
    """Return what the owner of a domain publishes."""
    keys = domain.dkim_keys.to_publish().select_related("domain").order_by("-algorithm", "-id")
    published = [SigningRecord(*key.record, leaving=bool(key.retired_at)) for key in keys]
    signing = sorted(published, key=lambda record: record.leaving)
    return records(domain.name, signing, installation or this_installation())


def findings_of(domain: SendingDomain) -> list[Finding]:
    """Return what the last look found."""
    return [Finding.of(stored) for stored in domain.findings]


def check(domain: SendingDomain, resolver: Resolver | None = None) -> list[Finding]:
    """Look every record up, keep what was found, and let the keys that DNS shows sign.

    Call it outside of transactions: DNS may take its time.
    """
    installation = this_installation()
    wanted = records_of(domain, installation)
    found = look_up(wanted, installation, resolver or fresh_resolver(), findings_of(domain))
    return keep(domain, found, timezone.now())


def keep(domain: SendingDomain, found: Sequence[Finding], now: datetime) -> list[Finding]:
    """Write what a look found, and return it with its dates.

    A key that DNS shows signs from now on, and proves the owner. What DNS shows no more takes
    nothing back: it is dated, and said where staff and operators look.
    """
    before = findings_of(domain)
    found = [finding.dated(before, now) for finding in found]
    _warn_of_lost(domain, before, found)
    domain.findings, domain.checked_at = [finding.stored() for finding in found], now
    SendingDomain.objects.filter(pk=domain.pk).update(findings=domain.findings, checked_at=now)
    shown = {
        finding.name
        for finding in found
        if finding.purpose == Purpose.DKIM and finding.state is State.RIGHT
    }
    keys = DkimKey.objects.filter(domain=domain, retired_at=None).select_related("domain")
    seen = [key for key in keys if key.record.name in shown]
    for key in seen:
        key.activate()
    if seen and SendingDomain.objects.filter(pk=domain.pk, verified_at=None).update(
        verified_at=now
    ):
        domain.verified_at = now
    return found


def _warn_of_lost(
    domain: SendingDomain, before: Sequence[Finding], found: Sequence[Finding]
) -> None:
    for lost in found:
        was_right = any(e.is_about(lost) and e.state is State.RIGHT for e in before)
        if lost.is_amiss and was_right:
            logger.warning(
                "a DNS record of %s is %s now",
                domain.name,
                lost.state,
                extra={"record": f"{lost.type} {lost.name}", "purpose": lost.purpose},
            )


def broken_signatures(domain: SendingDomain) -> list[Finding]:
    """Return the records that mail is signed by and that DNS showed no more at the last look."""
    keys = [key for key in domain.dkim_keys.all() if key.state is DkimKey.State.SIGNING]
    names = {key.record.name for key in keys}
    return [
        finding
        for finding in findings_of(domain)
        if finding.purpose == Purpose.DKIM and finding.name in names and finding.is_amiss
    ]


def due(now: datetime) -> QuerySet[SendingDomain]:
    """Return the domains to look at, those that wait longest first.

    What is unverified or has a pending key is looked at every few minutes for a day after that
    began, then every hour; all others once a day. A new one is given a moment: a resolver that is
    asked too early remembers for long that there is no such record.
    """
    pending = DkimKey.objects.pending().filter(domain=OuterRef("pk"))
    waiting = Q(verified_at=None) | Exists(pending)
    recent = Q(created_at__gt=now - LEFT_LYING) | Exists(
        pending.filter(created_at__gt=now - LEFT_LYING)
    )
    never = Q(checked_at=None, created_at__lt=now - SOON)
    overdue = (
        Q(checked_at__lt=now - DAILY)
        | (waiting & Q(checked_at__lt=now - LATER))
        | (waiting & recent & Q(checked_at__lt=now - SOON))
    )
    first = F("checked_at").asc(nulls_first=True)
    return SendingDomain.objects.filter(never | overdue).order_by(first, "pk")


def take(domain: SendingDomain, now: datetime) -> bool:
    """Claim a due domain for this process; False where another one was faster."""
    unchanged = SendingDomain.objects.filter(pk=domain.pk, checked_at=domain.checked_at)
    return bool(unchanged.update(checked_at=now))
