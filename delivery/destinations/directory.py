"""Finds the destination of an MX host, and its limits: staff's rows before our profiles."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.db import Error, connection

from delivery.destinations.profiles import EVERY_HOST, built_in
from delivery.models import DestinationLimit
from delivery.transports.budget import Limits

logger = logging.getLogger(__name__)

READ_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Destination:
    """What is counted together: `name` is a provider's, a row's or a host's own."""

    name: str
    limits: Limits
    known: bool = True  # by a profile or a row


class Directory:
    """A table of names; the longest that covers a host holds. Immutable."""

    def __init__(self, rows: Mapping[str, Limits]) -> None:
        self._covers = {
            host: Destination(profile.name, profile.limits)
            for profile in built_in()
            for host in profile.hosts
        } | {host: Destination(host, limits) for host, limits in rows.items()}

    def find(self, host: str) -> Destination:
        """Return the destination of a host, which is one of its own where no name covers it."""
        name = host.lower().rstrip(".")
        rest = name
        while rest:
            if found := self._covers.get(rest):
                return found
            rest = rest.partition(".")[2]
        return Destination(name, self._covers[EVERY_HOST].limits, known=False)


class LiveDirectory:
    """The directory that holds now: staff's rows are read anew every few seconds.

    While the database is away, what was read last holds.
    """

    def __init__(self, changed: Callable[[Directory], None]) -> None:
        self._changed = changed
        self._rows: dict[str, Limits] = {}
        self._read = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="destination limits", daemon=True)
        self._thread.start()

    def wait_until_read(self, seconds: float) -> None:
        """Return once the rows were asked for, or after so long."""
        self._read.wait(seconds)

    def close(self) -> None:
        """Read no more."""
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.is_set():
            self._read_once()
            self._read.set()
            self._ending.wait(READ_SECONDS)

    def _read_once(self) -> None:
        try:
            rows = limits_of_staff()
        except Error as error:
            logger.warning("the limits of destinations can't be read, the last hold: %s", error)
            return
        finally:
            connection.close()
        if rows != self._rows:
            self._rows = rows
            self._changed(Directory(rows))


def limits_of_staff() -> dict[str, Limits]:
    """Return the limits that staff wrote, by the name that they cover."""
    return {
        row.host: Limits(row.connections, row.mails_per_connection, row.mails_per_minute)
        for row in DestinationLimit.objects.all()
    }
