"""Production without a provider: mail goes straight to the mail exchangers of its recipients."""

from __future__ import annotations

import time

from django.conf import settings

from delivery.destinations import configured_budget
from delivery.destinations.budget import Budget
from delivery.smtp import Outcome, OutcomeKind, Phase
from delivery.smtp.addresses import EnvelopeAddress
from delivery.smtp.dns import Resolver
from delivery.smtp.mx import Finder, MailExchanger, in_turn
from delivery.smtp.reach import Reach
from delivery.sts import configured_lookup
from delivery.transports.base import Envelope
from delivery.transports.lookups import Lookups
from delivery.transports.mx_host import MxHost
from delivery.transports.mx_hosts import MxHosts, Terms
from delivery.transports.mx_plan import Plan, Planner
from delivery.transports.pool import Place

MOST_SESSIONS = 2  # in one attempt: with hosts that let us in, and then would not take mail


class MxTransport:
    """Finds the exchangers of each recipient's domain, and shares connections among domains."""

    name = "mx"

    def __init__(self, planner: Planner, budget: Budget, terms: Terms) -> None:
        self._lookups = Lookups(planner.plan, terms.places)
        self._budget = budget
        self.hosts = MxHosts(budget, terms)

    @classmethod
    def configured(cls) -> MxTransport:
        """Return the transport of the settings."""
        resolver = Resolver(settings.DNS_SERVERS)
        finder = Finder(resolver, settings.HELO_NAME, Reach(settings.PRIVATE_NETWORKS))
        sts = configured_lookup(resolver)
        planner = Planner(finder, sts, require_tls=settings.MX_REQUIRE_TLS)
        terms = Terms(settings.HELO_NAME, settings.MX_PORT, places=settings.DELIVERY_CONCURRENCY)
        return cls(planner, configured_budget(), terms)

    def session(
        self, rcpt_to: str, project_id: int, *, patient: bool = True, urgent: bool = False
    ) -> MxSession:
        """Return what will hold at most one connection."""
        return MxSession(self, rcpt_to, urgent)

    def plan(self, domain: str) -> Plan | Outcome:
        """Return where a domain's mail goes, or why it can't now or ever."""
        return self._lookups.plan(domain)

    def tidy(self) -> None:
        """Close what was idle for a while, and cut what is slow where too much is."""
        for host in self.hosts.all():
            host.tidy()
        self.hosts.let_others_pass()

    def connections(self) -> int:
        """Return how many are open, at work or kept."""
        return self.hosts.connections()

    def admit_no_more(self) -> None:
        """Let finish what is at work; what waits goes back to the queue."""
        self._lookups.admit_no_more()
        self.hosts.admit_no_more()

    def interrupt(self) -> None:
        """Cut what is at work."""
        self.admit_no_more()
        for host in self.hosts.all():
            host.interrupt()

    def close(self) -> None:
        """Say QUIT on every idle connection, and give back what the budget counted."""
        for host in self.hosts.all():
            host.close()
        self._budget.close()


class MxSession:
    """One delivery: a place at one exchanger after the other, the last held until it is settled."""

    def __init__(self, transport: MxTransport, rcpt_to: str, urgent: bool) -> None:
        self._transport, self._rcpt_to, self._urgent = transport, rcpt_to, urgent
        self._plan: Plan | None = None
        self._left: list[MailExchanger] = []
        self._failed: list[Outcome] = []
        self._sessions = 0
        self._held: tuple[MxHost, Place, float] | None = None
        self._exchanger: MailExchanger | None = None

    def admit(self) -> Outcome | None:
        """Find the exchangers, and a place at the first that is there."""
        domain = _domain(self._rcpt_to)
        plan = domain if isinstance(domain, Outcome) else self._transport.plan(domain)
        if isinstance(plan, Outcome):
            return plan
        self._plan, self._left = plan, in_turn(plan.exchangers)
        return self._advance()

    def send(self, envelope: Envelope) -> Outcome:
        """Hand the copy to the first exchanger that takes or refuses it.

        The next one is tried where this one would not talk, or said that it can't take it now:
        nothing goes out twice.
        """
        while self._held:
            host, place, _ = self._held
            outcome = self._named(host.send(place, envelope))
            if not (outcome.is_of_host or _not_now(outcome)):
                return outcome._replace(tried=tuple(self._failed), route=self._route())
            self._sessions += _is_session(outcome)
            self._failed.append(outcome)
            self.release()
            if refusal := self._advance():
                return refusal
        raise RuntimeError("sent without having been admitted")

    def release(self) -> None:
        """Give the connection back."""
        held, self._held = self._held, None
        if held:
            host, place, since = held
            host.release(place, time.monotonic() - since)
            self._transport.hosts.leave(host)

    def _advance(self) -> Outcome | None:
        """Hold a place at the next exchanger; else say why this attempt ends here."""
        while self._plan and self._left and self._sessions < MOST_SESSIONS:
            self._exchanger = self._left.pop(0)
            refusal = self._take(self._exchanger, self._plan)
            if refusal is None:
                return None
            if refusal.kind is OutcomeKind.ABANDONED:
                if self._sessions:  # who was asked and said “later” is not asked again at once
                    break
                return refusal
            self._failed.append(self._named(refusal))
        *others, last = self._failed
        return last._replace(tried=tuple(others), route=self._route())

    def _take(self, exchanger: MailExchanger, plan: Plan) -> Outcome | None:
        """Hold a place at a host, or leave it."""
        host = self._transport.hosts.enter(exchanger, plan.tls)
        try:
            taken = host.take(self._urgent)
            if isinstance(taken, Outcome):
                return taken
            self._held = host, taken, time.monotonic()
            return None
        finally:
            if not self._held:
                self._transport.hosts.leave(host)

    def _named(self, outcome: Outcome) -> Outcome:
        """The host that domains share bears the name by which the first of them called it."""
        exchanger = self._exchanger
        if exchanger is None or exchanger.host == exchanger.address:
            return outcome
        _, _, port = outcome.host.rpartition(":")
        return outcome._replace(host=f"{exchanger.host}[{exchanger.address}]:{port}")

    def _route(self) -> tuple[str, ...]:
        """The exchangers of the domain, the preferred ones first."""
        exchangers = self._plan.exchangers if self._plan else ()
        return tuple(dict.fromkeys(exchanger.host for exchanger in exchangers))


def _domain(address: str) -> str | Outcome:
    try:
        return EnvelopeAddress.parse(address).domain.lower()
    except ValueError as error:
        detail = f"5.1.3 {error}"
        return Outcome(OutcomeKind.BOUNCED, Phase.LOOKUP, "", detail, status="5.1.3")


def _not_now(outcome: Outcome) -> bool:
    """Whether the host has said so itself: where it said nothing, it may have taken the mail."""
    return outcome.kind is OutcomeKind.DEFERRED and outcome.reply is not None


def _is_session(outcome: Outcome) -> bool:
    """Whether it took the time of a session: a connection that failed, or a refusal, takes none."""
    refused = outcome.phase is Phase.GREETING and outcome.reply is not None
    return outcome.phase is not Phase.CONNECT and not refused
