"""The emails application."""

from django.apps import AppConfig


class EmailsConfig(AppConfig):
    """Emails."""

    name = "emails"
