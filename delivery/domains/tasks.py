"""Periodic looks at the DNS of sending domains."""

from __future__ import annotations

import logging
import time

from celery import shared_task
from django.utils import timezone

from delivery.domains import checking

logger = logging.getLogger(__name__)

AT_A_TIME = 20
SECONDS = 5.0  # a worker that is kept from its bells stays so for a moment only


@shared_task(name="delivery.check_domains", ignore_result=True)
def check_domains() -> None:
    """Look at the domains that are due, as many as one run may."""
    ends = time.monotonic() + SECONDS
    for domain in checking.due(timezone.now())[:AT_A_TIME]:
        if time.monotonic() > ends:
            return
        if checking.take(domain, timezone.now()):
            found = checking.check(domain)
            states = {f"{finding.purpose} {finding.name}": finding.state for finding in found}
            logger.info("looked at the DNS of %s", domain.name, extra={"states": states})
