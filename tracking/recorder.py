"""Keeps what readers did: in the database, or in the spool while that is away.

Requests that come at the same time share a commit, or a sync of the spool
(docs/adr/0010-hits-share-a-commit.md).
"""

from __future__ import annotations

import logging
import time
from functools import cache

from django.conf import settings
from django.db import Error, close_old_connections, connection

from emails import events
from emails.events import Hit
from tracking.gathering import Gathering
from tracking.metrics import HITS_DRAINED, HITS_LOST, HITS_RECORDED, HITS_SPOOLED
from tracking.spool import Spool

logger = logging.getLogger(__name__)

AWAY_SECONDS = 3.0  # after a failure, how long readers are not made to wait for the database


class _Database:
    """Remembers that the database was away a moment ago."""

    def __init__(self) -> None:
        self._away_until = 0.0

    def seems_away(self) -> bool:
        return time.monotonic() < self._away_until

    def was_away(self) -> None:
        self._away_until = time.monotonic() + AWAY_SECONDS

    def is_back(self) -> None:
        self._away_until = 0.0


_database = _Database()


@cache
def spool() -> Spool:
    """Return the spool of this machine."""
    return Spool(settings.SPOOL_ROOT)


def keep(hit: Hit) -> None:
    """Store a hit durably, wherever that is possible now; a reader's answer never fails for it."""
    _gathering.bring(hit)


def _keep(hits: list[Hit]) -> None:
    if _database.seems_away() or not _record(hits):
        _spool(hits)


def _record(hits: list[Hit]) -> bool:
    """Store hits in the database and tell whether that was possible."""
    _look_after_connection()
    try:
        events.record(hits)
    except Error as error:
        _database.was_away()
        close_old_connections()
        logger.warning("hits go to the spool, the database is out of reach: %s", error)
        return False
    HITS_RECORDED.inc(len(hits))
    _look_after_connection()
    return True


def _look_after_connection() -> None:
    """Do what Django does around a request: there is none where `express.py` answers."""
    if not connection.in_atomic_block:
        close_old_connections()


def _spool(hits: list[Hit]) -> None:
    try:
        spool().append(hits)
        HITS_SPOOLED.inc(len(hits))
    except OSError:
        HITS_LOST.inc(len(hits))
        ids = [hit.recipient_id for hit in hits]
        logger.exception("hits could be stored nowhere", extra={"recipient_ids": ids})


_gathering = Gathering(_keep)


def store_spooled() -> int:
    """Bring spooled hits into the database; return how many. Raises django.db.Error while away."""
    stored = spool().drain(events.record)
    if stored:
        HITS_DRAINED.inc(stored)
        _database.is_back()
        logger.info("stored %d hits from the spool", stored)
    return stored
