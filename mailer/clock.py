"""Beat's clock: django-celery-beat's scheduler, whose ticks a health check can see."""

from typing import Any

from django.conf import settings
from django_celery_beat.schedulers import DatabaseScheduler


class Clock(DatabaseScheduler):  # type: ignore[misc]  # django-celery-beat has no types
    """Touches `beat.alive` in VAR at each tick: at least every CELERY_BEAT_MAX_LOOP_INTERVAL."""

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        """Send what is due and return the seconds until the next tick."""
        pause = super().tick(*args, **kwargs)
        (settings.VAR / "beat.alive").touch()
        return pause
