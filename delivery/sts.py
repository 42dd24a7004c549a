"""Knows which MTA-STS policy holds for a domain: fetched once, kept over restarts (RFC 8461)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from delivery.condition import Happening
from delivery.fetching import Fetcher
from delivery.held_policies import HeldPolicies
from delivery.https import Fetched, FetchError
from delivery.smtp import mta_sts
from delivery.smtp.dns import DnsUnreachable, NoSuchName, Resolver
from delivery.smtp.mta_sts import HeldPolicy, StsMode, StsPolicy
from delivery.smtp.reach import Reach

logger = logging.getLogger(__name__)

PATIENCE = 10.0  # seconds that a delivery waits at most
FETCH_SECONDS = 5.0
ASK_AGAIN = timedelta(minutes=5)  # RFC 8461 §3.3: not sooner after a fetch that failed
NOTHING_HOLDS = timedelta(hours=1)  # without mail for it; then the next one waits for the answer
MOST_KNOWN = 50_000
MOST_REFRESHED = 32  # at once


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a domain: its policy or that there is none, and for how long that counts."""

    held: HeldPolicy | None
    ask_again: datetime
    ends: datetime

    @property
    def policy(self) -> StsPolicy | None:
        """What to apply."""
        policy = self.held.policy if self.held else None
        return None if policy and policy.mode is StsMode.NONE else policy


class StsPolicies:
    """The policies that this process knows, in front of the table and of the domains themselves.

    What is known is answered at once and asked about again in the background. For many threads.
    """

    def __init__(
        self,
        resolver: Resolver,
        fetcher: Fetcher,
        *,
        now: Callable[[], datetime] = timezone.now,
        patience: float = PATIENCE,
    ) -> None:
        self._resolver, self._fetcher = resolver, fetcher
        self._now, self._patience = now, patience
        self._held = HeldPolicies(now)
        self._known: dict[str, Known] = {}
        self._asking: dict[str, Happening] = {}  # set once something is known
        self._lock = threading.Lock()

    def policy_for(self, domain: str) -> StsPolicy | None:
        """Return what holds for mail to a domain (A-labels), None where nothing does.

        Waits up to `patience` seconds, by WAITER and for a domain of which nothing is known. Raises
        nothing: what can't be found out is as if there were no policy (§5.1).
        """
        domain = domain.lower()
        known, now = self._known.get(domain), self._now()
        if known and now < known.ends:
            if now >= known.ask_again and len(self._asking) < MOST_REFRESHED:
                self._ask(domain)
            return known.policy
        self._ask(domain).wait(self._patience)
        known = self._known.get(domain)
        return known.policy if known and self._now() < known.ends else None

    def _ask(self, domain: str) -> Happening:
        """Have one thread find out, however many want to know."""
        with self._lock:
            if asking := self._asking.get(domain):
                return asking
            answered = self._asking[domain] = Happening()
        try:
            threading.Thread(target=self._find_out, args=[domain], daemon=True).start()
        except RuntimeError as error:  # as many threads as the machine bears
            logger.error("nobody asks for the MTA-STS policy of %s: %s", domain, error)
            self._asked(domain)
        return answered

    def _find_out(self, domain: str) -> None:
        try:
            held = self._held.get(domain)
            if held:  # this is enough for mail that waits
                self._learn(domain, held, self._now())
            self._ask_domain(domain, held)
        except Exception:
            logger.exception("what %s says by MTA-STS was not found out", domain)
        finally:
            self._asked(domain)

    def _asked(self, domain: str) -> None:
        with self._lock:
            self._asking.pop(domain).set()

    def _learn(self, domain: str, held: HeldPolicy | None, ask_again: datetime) -> None:
        ends = self._now() + NOTHING_HOLDS if not held else max(held.expires_at, ask_again)
        with self._lock:
            self._known.pop(domain, None)
            self._known[domain] = Known(held, ask_again, ends)
            if len(self._known) > MOST_KNOWN:
                del self._known[next(iter(self._known))]
            self._asking[domain].set()

    def _ask_domain(self, domain: str, held: HeldPolicy | None) -> None:
        announced = self._announced(domain)
        ask_again = self._now() + ASK_AGAIN
        if announced and (not held or held.policy.id != announced or held.aged_at <= self._now()):
            held = self._fetched(domain, announced) or held
        self._learn(domain, held, ask_again)

    def _announced(self, domain: str) -> str | None:
        try:
            return mta_sts.policy_id(self._resolver.texts(mta_sts.record_name(domain)))
        except NoSuchName:
            return None
        except DnsUnreachable as error:
            logger.info("%s", error)
            return None

    def _fetched(self, domain: str, announced: str) -> HeldPolicy | None:
        url = mta_sts.policy_url(domain)
        try:
            answer = self._fetcher.get(url, most_bytes=mta_sts.MOST_BYTES, seconds=FETCH_SECONDS)
            policy = _read(answer, announced)
        except (FetchError, ValueError) as error:
            logger.warning("%s has no MTA-STS policy that can be used: %s", domain, error)
            return None
        held = HeldPolicy(policy, self._now())
        self._held.keep(domain, held)
        return held


def _read(answer: Fetched, announced: str) -> StsPolicy:
    """Only an answer of 200 in plain text is a policy (§3.3). Raises ValueError."""
    if answer.status != 200:
        raise ValueError(f"it was answered with {answer.status}")
    if answer.media_type != "text/plain":
        raise ValueError(f"it is {answer.media_type}, not text/plain")
    return mta_sts.parse_policy(answer.content, announced)


def configured_lookup(resolver: Resolver) -> Callable[[str], StsPolicy | None]:
    """Return what tells a domain's policy: `StsPolicies.policy_for`, or that nobody has one."""
    if not settings.MTA_STS:
        return lambda domain: None
    return StsPolicies(resolver, Fetcher(resolver, Reach(settings.PRIVATE_NETWORKS))).policy_for
