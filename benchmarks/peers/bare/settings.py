"""Settings of the project: no middleware, no authentication, connections kept open."""

import os

import dj_database_url

SECRET_KEY = "benchmarks-only"
ALLOWED_HOSTS = ["*"]
DATABASES = {"default": dj_database_url.parse(os.environ["DATABASE_URL"], conn_max_age=60)}
INSTALLED_APPS = ["rest_framework", "benchmarks.peers.bare"]
MIDDLEWARE: list[str] = []
ROOT_URLCONF = "benchmarks.peers.bare.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "UNAUTHENTICATED_USER": None,
}
