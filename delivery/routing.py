"""Which way a mail goes: by the rows of Route as they were last read, else by MAIL_TRANSPORT."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

from django.conf import settings
from django.db import Error

from delivery.models import Route
from delivery.rules import Rule, deciding

logger = logging.getLogger(__name__)

READ_SECONDS = 3.0
MOST_REMEMBERED = 50_000


def stored_rules() -> tuple[Rule, ...]:
    """Read the table, in the order in which rules are looked at."""
    return tuple(route.rule for route in Route.objects.all())


class Routing:
    """The rules that hold in this process. Read by its clock thread, asked by all the others."""

    def __init__(self, default: str) -> None:
        self._default = default
        self._rules: tuple[Rule, ...] | None = None  # before they were read
        self._found: dict[tuple[str, int], tuple[str, ...]] = {}
        self._read_at = -READ_SECONDS  # time.monotonic()

    @classmethod
    def configured(cls) -> Routing:
        """Return the routing of MAIL_TRANSPORT and the table, which is not read yet."""
        return cls(settings.MAIL_TRANSPORT)

    def refresh(self, prepare: Callable[[Iterable[str]], None]) -> None:
        """Read the table, every few seconds at most. While the database is away the last one holds.

        The ways that new rules name go to `prepare` before any mail is told of them.
        Raises django.db.Error where it was never read: what staff said is not known then.
        """
        now = time.monotonic()
        if now < self._read_at + READ_SECONDS:
            return
        try:
            rules = stored_rules()
        except Error as error:
            if self._rules is None:
                raise
            logger.error("the routes are out of reach, the last ones hold: %s", error)
            return
        prepare({way for rule in rules for way in rule.ways})  # also what failed the last time
        if rules != self._rules:
            self._rules, self._found = rules, {}
            logger.info("routes read", extra={"routes": len(rules)})
        self._read_at = now

    def ways(self, domain: str, project_id: int) -> tuple[str, ...]:
        """Return the ways by preference; none as long as the table was never read."""
        rules, found = self._rules, self._found
        if rules is None:
            return ()
        if (ways := found.get((domain, project_id))) is None:
            if len(found) >= MOST_REMEMBERED:
                found.clear()
            place = deciding(rules, domain, project_id)
            ways = (self._default,) if place is None else rules[place].ways
            found[domain, project_id] = ways
        return ways
