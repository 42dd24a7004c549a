"""Settings of the project; the servers come from the environment."""

import os

SECRET_KEY = "benchmarks-only"
DATABASES: dict[str, object] = {}  # it needs none: the broker is its queue
INSTALLED_APPS = ["djcelery_email"]
USE_TZ = True
EMAIL_BACKEND = "djcelery_email.backends.CeleryEmailBackend"
EMAIL_HOST, EMAIL_PORT = "127.0.0.1", int(os.environ.get("SINK_PORT", "9"))
CELERY_EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
CELERY_EMAIL_CHUNK_SIZE = 1
CELERY_BROKER_URL = os.environ["REDIS_URL"]
CELERY_TASK_IGNORE_RESULT = True
