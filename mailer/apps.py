"""The mailer application."""

from django.apps import AppConfig


class MailerConfig(AppConfig):
    """Mailer."""

    name = "mailer"
