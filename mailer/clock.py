"""Beat's clock: django-celery-beat's scheduler, made to outlive its database, and seen to tick."""

import logging
from typing import Any

from django.conf import settings
from django.db import Error, close_old_connections
from django_celery_beat.schedulers import DatabaseScheduler

logger = logging.getLogger(__name__)


class Clock(DatabaseScheduler):  # type: ignore[misc]  # django-celery-beat has no types
    """Touches `beat.alive` in VAR at each tick: at least every CELERY_BEAT_MAX_LOOP_INTERVAL.

    While the database is away it goes by the schedule that it has, and reads it at the first
    tick that can; the scheduler that it comes from ends the process instead.
    """

    _unread = False

    def setup_schedule(self) -> None:
        """Read the schedule, and copy that of the settings into the database."""
        self._initial_read = True
        if self.schedule is not None and not self._unread:
            super().setup_schedule()

    def all_as_schedule(self) -> Any:
        """Return the schedule of the database, or while that is away the one in use."""
        try:
            schedule = super().all_as_schedule()
        except Error as error:
            logger.warning("the schedule can't be read now: %s", error)
            close_old_connections()
            self._unread = True
            return self._schedule or {}
        self._unread = False
        return schedule

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        """Send what is due and return the seconds until the next tick."""
        if self._unread:
            self.setup_schedule()
        pause = super().tick(*args, **kwargs)
        (settings.VAR / "beat.alive").touch()
        return pause
