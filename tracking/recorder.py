"""Keeps what readers did: in the database, or in the spool while that is away."""

from __future__ import annotations

import logging
import time
from functools import cache

from django.conf import settings
from django.db import Error, close_old_connections

from emails import events
from emails.events import Hit
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
    if not _database.seems_away():
        try:
            events.record([hit])
        except Error as error:
            _database.was_away()
            close_old_connections()
            logger.warning("hits go to the spool, the database is out of reach: %s", error)
        else:
            HITS_RECORDED.inc()
            return
    try:
        spool().append(hit)
        HITS_SPOOLED.inc()
    except OSError:
        HITS_LOST.inc()
        logger.exception("a hit could be stored nowhere", extra={"recipient_id": hit.recipient_id})


def store_spooled() -> int:
    """Bring spooled hits into the database; return how many. Raises django.db.Error while away."""
    stored = spool().drain(events.record)
    if stored:
        HITS_DRAINED.inc(stored)
        _database.is_back()
        logger.info("stored %d hits from the spool", stored)
    return stored
