"""The Celery application of the project."""

import celery

app = celery.Celery("celery_email")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
