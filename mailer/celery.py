"""The Celery application: bells, and the clock that rings them."""

import os

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mailer.settings")
TRANSPORT_ALIASES["embedded"] = "mailer.broker:Transport"  # no server needed: `make run`

app = Celery("mailer")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
