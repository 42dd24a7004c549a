"""Holds the clients back while much mail waits.

A sink that stalls and hangs up lets each worker keep one or two connections, and about ten mails
a second through. What clients could post on a fast machine would wait for minutes at the end of a
run, and nobody could tell it from mail that is stuck.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import suppress
from typing import Final

import psycopg

from tests.chaos.ledger import FINAL
from tests.system import System

MOST_OPEN: Final = 200  # recipients without an end, those that are scheduled included
LOOK_SECONDS: Final = 0.3
OPEN: Final = f"SELECT count(*) FROM recipients WHERE status NOT IN {FINAL}"


def count_open(system: System) -> int:
    """Count the recipients without an end, in the database itself."""
    [(count,)] = system.query(OPEN)
    return int(count)


class Backlog(threading.Thread):
    """Looks at the database, and keeps what it saw while that is away."""

    def __init__(self, system: System) -> None:
        super().__init__(name="backlog", daemon=True)
        self._system = system
        self._ended = threading.Event()
        self.bearable = threading.Event()  # clients wait for it
        self.bearable.set()

    def run(self) -> None:
        """Look until `end`."""
        while not self._ended.wait(LOOK_SECONDS):
            with suppress(psycopg.Error, sqlite3.Error):
                self._tell(count_open(self._system) <= MOST_OPEN)

    def _tell(self, bearable: bool) -> None:
        if bearable:
            self.bearable.set()
        else:
            self.bearable.clear()

    def end(self) -> None:
        """Hold nobody back any more."""
        self._ended.set()
        self.join()
        self.bearable.set()
