"""Structured logs: JSON lines in production, short lines for a person in development."""

import logging
import sys
from typing import Any

_STANDARD = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class TextFormatter(logging.Formatter):
    """Level, logger, message, and what else the record carries as name=value."""

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        extra = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        fields = " ".join(
            f"{name}={value}"
            for name, value in extra.items()
            if isinstance(value, str | int | float)
        )
        return f"{line} {fields}".rstrip()


def logging_config(form: str, level: str) -> dict[str, Any]:
    """Return Django's LOGGING for `form` "json" or "text"."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": "pythonjsonlogger.json.JsonFormatter",
                "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
                "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger"},
            },
            "text": {
                "()": "mailer.logging.TextFormatter",
                "format": "%(asctime)s %(levelname)-7s %(name)s: %(message)s",
                "datefmt": "%H:%M:%S",
            },
        },
        "handlers": {
            "console": {"class": "logging.StreamHandler", "stream": sys.stderr, "formatter": form}
        },
        "root": {"handlers": ["console"], "level": "WARNING"},
        "loggers": {
            **{
                name: {"level": level}
                for name in ("mailer", "delivery", "tracking", "emails", "uploads", "accounts")
            },
            "django": {"handlers": [], "level": "WARNING", "propagate": True},
            "django.request": {"level": "ERROR"},
            "celery": {"level": "WARNING"},
        },
    }
