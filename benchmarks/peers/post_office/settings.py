"""Settings of the project; what varies between runs comes from the environment."""

import os

import dj_database_url

SECRET_KEY = "benchmarks-only"
DATABASES = {"default": dj_database_url.parse(os.environ["DATABASE_URL"])}
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "post_office"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
EMAIL_HOST, EMAIL_PORT = "127.0.0.1", int(os.environ.get("SINK_PORT", "9"))
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
POST_OFFICE = {
    "BACKENDS": {"default": "django.core.mail.backends.smtp.EmailBackend"},
    "BATCH_SIZE": int(os.environ.get("BATCH_SIZE", "100")),
    "THREADS_PER_PROCESS": int(os.environ.get("THREADS", "5")),
    "LOG_LEVEL": int(os.environ.get("LOG_LEVEL", "2")),  # 2, its default: a row for each attempt
    "MESSAGE_ID_ENABLED": True,
}
