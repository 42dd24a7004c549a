"""Examines an installation from outside and inside, and says what to mend."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from delivery.doctor.clock import check_clock
from delivery.doctor.domains import check_domains
from delivery.doctor.examination import Examination
from delivery.doctor.helo import check_helo
from delivery.doctor.parts import check_parts
from delivery.doctor.port25 import check_port25
from delivery.doctor.queue import check_queue
from delivery.doctor.reverse import check_reverse
from delivery.doctor.tls import check_tls
from delivery.doctor.tracking import check_tracking
from delivery.doctor.verdict import Verdict, exit_status

__all__ = ["Examination", "Verdict", "examine", "exit_status"]

CHECKS: list[Callable[[Examination], Iterator[Verdict]]] = [
    check_parts,
    check_queue,
    check_clock,
    check_helo,
    check_reverse,
    check_port25,
    check_tls,
    check_tracking,
    check_domains,
]


def examine(examination: Examination) -> Iterator[Verdict]:
    """Run every check, the cheapest first."""
    for check in CHECKS:
        yield from check(examination)
