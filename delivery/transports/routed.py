"""Several ways side by side: each mail goes the way that its route says, or the second one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from delivery.smtp import Outcome, OutcomeKind, Phase
from delivery.transports.base import Envelope, Session, Transport

logger = logging.getLogger(__name__)

AGAIN_SECONDS = 1.0
ABSENT = {"relay": "there is no relay: SMTP_RELAY_URL is not set"}


class Routes(Protocol):
    """Who says which way mail goes."""

    def refresh(self, prepare: Callable[[Iterable[str]], None]) -> None:
        """Look for changes; called every few seconds by one thread, which may wait.

        `prepare` gets the names of ways before `ways` returns them.
        """

    def ways(self, domain: str, project_id: int) -> tuple[str, ...]:
        """Return the names of ways by preference; none while nothing is known. Never waits."""


class RoutedTransport:
    """Holds a transport for each way that is used, made by `makers` when a route first names it.

    `name` is the way of mail that no route is about. Each that was made goes to `made`.
    """

    def __init__(
        self,
        name: str,
        makers: Mapping[str, Callable[[], Transport]],
        routes: Routes,
        made: Callable[[Transport], None] = lambda transport: None,
    ) -> None:
        self.name = name
        self._makers, self._routes, self._made = makers, routes, made
        self._ways: dict[str, Transport] = {}
        self._absent = dict(ABSENT)
        self._make(name)

    def _make(self, name: str) -> None:
        transport = self._makers[name]()
        self._made(transport)
        self._ways = {**self._ways, name: transport}  # others go over it meanwhile

    def _prepare(self, names: Iterable[str]) -> None:
        """Make what is missing; a way that can't be made must not stop mail of the others."""
        for name in self._makers.keys() & set(names) - self._ways.keys():
            try:
                self._make(name)
            except Exception as error:
                detail = f"{name} can't be used: {error}"
                if self._absent.get(name) != detail:
                    logger.exception("a route names %s, which can't be used", name)
                self._absent[name] = detail

    def session(
        self, rcpt_to: str, project_id: int, *, patient: bool = True, urgent: bool = False
    ) -> RoutedSession:
        """Return what holds a place on one way at a time."""
        names = self._routes.ways(rcpt_to.rpartition("@")[2], project_id)
        return RoutedSession(self._ways, self._absent, names, rcpt_to, project_id, urgent=urgent)

    def tidy(self) -> None:
        """Look for changed routes, and let each way close what is idle."""
        try:
            self._routes.refresh(self._prepare)
        finally:
            for way in self._ways.values():
                way.tidy()

    def connections(self) -> int:
        """Return how many are open on all ways."""
        return sum(way.connections() for way in self._ways.values())

    def admit_no_more(self) -> None:
        """Let finish what is at work on each way."""
        for way in self._ways.values():
            way.admit_no_more()

    def interrupt(self) -> None:
        """Cut what is at work on each way."""
        for way in self._ways.values():
            way.interrupt()

    def close(self) -> None:
        """Give back the connections of each way."""
        for way in self._ways.values():
            way.close()


class RoutedSession:
    """One delivery: a place on the first way, or on the second where nobody talks on the first.

    The second is tried only where no word of the mail was said: nothing goes out twice.
    """

    def __init__(
        self,
        ways: Mapping[str, Transport],
        absent: Mapping[str, str],
        names: Sequence[str],
        rcpt_to: str,
        project_id: int,
        *,
        urgent: bool,
    ) -> None:
        self._ways, self._absent, self._left = ways, absent, list(names)
        self._rcpt_to, self._project_id, self._urgent = rcpt_to, project_id, urgent
        self._way = ""
        self._session: Session | None = None
        self._failures: list[Outcome] = []

    def admit(self) -> Outcome | None:
        """Find a way that has a place, or can't tell yet."""
        if not self._left:
            detail = "the routes were not read yet"
            return Outcome(OutcomeKind.ABANDONED, Phase.LOOKUP, "", detail, wait=AGAIN_SECONDS)
        return self._next_way()

    def send(self, envelope: Envelope) -> Outcome:
        """Hand the copy over, on the second way where the first one turns out to be away."""
        while self._session:
            outcome = self._session.send(envelope)
            if not (outcome.is_of_host and self._left):
                return self._concluded(outcome)
            self._failed(outcome)
            if refusal := self._next_way():
                return refusal
        raise RuntimeError("sent without having been admitted")

    def release(self) -> None:
        """Give the place up."""
        session, self._session = self._session, None
        if session:
            session.release()

    def _next_way(self) -> Outcome | None:
        """Hold a place on the next way; else say why this attempt ends here."""
        while True:
            refusal = self._enter(self._left.pop(0))
            if refusal is None:
                return None
            if not (refusal.is_of_host and self._left):
                return self._concluded(refusal)
            self._failed(refusal)

    def _enter(self, way: str) -> Outcome | None:
        self._way = way
        transport = self._ways.get(way)
        if transport is None:
            return Outcome(OutcomeKind.DEFERRED, Phase.LOOKUP, way, self._absent[way])
        patient = not self._left
        session = self._session = transport.session(
            self._rcpt_to, self._project_id, patient=patient, urgent=self._urgent
        )
        return session.admit()

    def _failed(self, outcome: Outcome) -> None:
        """Remember who would not talk on this way, in the order in which they were asked."""
        self._failures += [*self._named(outcome.tried), *self._named([outcome._replace(tried=())])]
        self.release()

    def _concluded(self, outcome: Outcome) -> Outcome:
        tried = (*self._failures, *self._named(outcome.tried))
        return outcome._replace(way=self._way, tried=tried)

    def _named(self, outcomes: Iterable[Outcome]) -> list[Outcome]:
        return [outcome._replace(way=self._way) for outcome in outcomes]
