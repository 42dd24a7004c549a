"""The tracking application."""

from django.apps import AppConfig


class TrackingConfig(AppConfig):
    """Tracking."""

    name = "tracking"
