"""The uploads application."""

from importlib import import_module

from django.apps import AppConfig


class UploadsConfig(AppConfig):
    """Files."""

    name = "uploads"

    def ready(self) -> None:
        """Listen for deleted rows."""
        import_module("uploads.removal")
