"""Looks at what DNS shows of the records that a domain should have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from delivery.domains.checks.dkim import check_dkim
from delivery.domains.checks.dmarc import check_dmarc
from delivery.domains.checks.finding import Finding, State
from delivery.domains.checks.mx import check_mx
from delivery.domains.checks.spf import check_spf
from delivery.domains.checks.sts import check_sts
from delivery.domains.checks.tracking import check_policy_host, check_tracking
from delivery.domains.installation import Installation
from delivery.domains.records import Purpose, Record
from delivery.smtp.dns import Resolver

__all__ = ["Finding", "State", "look_up"]

Check = Callable[[Record, Installation, Resolver], Finding]

CHECKS: dict[Purpose, Check] = {
    Purpose.DKIM: check_dkim,
    Purpose.RETURN_PATH: check_mx,
    Purpose.RETURN_PATH_SPF: check_spf,
    Purpose.SPF: check_spf,
    Purpose.DMARC: check_dmarc,
    Purpose.TRACKING: check_tracking,
    Purpose.STS: check_sts,
    Purpose.STS_HOST: check_policy_host,
}
AT_ONCE = 8
AT_LAST_LOOK = "DNS gave no answer at the last look; this is what it said before."


def look_up(
    records: Sequence[Record],
    installation: Installation,
    resolver: Resolver,
    before: Sequence[Finding] = (),
) -> list[Finding]:
    """Return what DNS shows of each record; takes as long as the slowest answer.

    Where DNS gives no answer, what was found `before` about the same record stays.
    """

    def look(record: Record) -> Finding:
        found = CHECKS[record.purpose](record, installation, resolver)
        return _earlier(found, before) if found.state is State.UNKNOWN else found

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="dns") as threads:
        return list(threads.map(look, records))


def _earlier(unknown: Finding, before: Sequence[Finding]) -> Finding:
    for finding in before:
        if finding.is_about(unknown) and finding.state is not State.UNKNOWN:
            advice = finding.advice.removesuffix(AT_LAST_LOOK).rstrip()
            return replace(finding, advice=f"{advice} {AT_LAST_LOOK}".lstrip())
    return unknown
