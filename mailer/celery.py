"""The Celery application: bells, and the clock that rings them."""

import os
from typing import Any

import django
from celery import Celery
from celery.loaders.app import AppLoader
from kombu.transport import TRANSPORT_ALIASES

from mailer import beat, listening
from mailer.environment import one_sentence

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mailer.settings")
TRANSPORT_ALIASES["embedded"] = "mailer.broker:Transport"  # no server needed: `make run`


class Loader(AppLoader):
    """Reads Django's settings, and ends with a sentence when one is wrong."""

    def config_from_object(self, obj: Any, silent: bool = False) -> Any:
        """Load the settings at `obj`; raises SystemExit."""
        with one_sentence():
            return super().config_from_object(obj, silent=silent)

    def import_default_modules(self) -> Any:
        """Set Django up before Celery does, which would log a traceback; raises SystemExit."""
        with one_sentence():
            django.setup()
        return super().import_default_modules()


class Application(Celery):
    """Celery with a beat and a worker of our own."""

    @property
    def Beat(self) -> Any:
        """Return the class that `celery beat` runs."""
        return self.subclass_with_self(beat.Beat)

    @property
    def Worker(self) -> Any:
        """Return the class that `celery worker` runs."""
        return self.subclass_with_self(listening.Worker)


app = Application("mailer", loader="mailer.celery:Loader")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add("delivery.worker:PumpStep")
