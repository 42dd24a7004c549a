"""The accounts application."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Who may call us."""

    name = "accounts"
