"""The project: settings, Celery, routes, health. Wires everything; imported by nobody."""

from mailer.celery import app as celery_app

__all__ = ["celery_app"]
