"""Structured logs: JSON lines in production, short lines for a person in development."""

import logging
import sys
import time
from typing import Any

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonEncoder
from pythonjsonlogger.json import JsonFormatter as ThoroughJsonFormatter

_STANDARD = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


_RESERVED = frozenset(RESERVED_ATTRS)
_encode = JsonEncoder().encode  # json.dumps would make an encoder for each line


class JsonFormatter(ThoroughJsonFormatter):
    """Writes what python-json-logger writes, the usual line at half the cost.

    Every mail has several lines, so that they show in the profile of a web process and a worker.
    """

    _second = (0, "")

    def format(self, record: logging.LogRecord) -> str:
        if record.exc_info or record.exc_text or record.stack_info or isinstance(record.msg, dict):
            return super().format(record)
        line: dict[str, Any] = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name, value in vars(record).items():
            if name not in _RESERVED and not name.startswith("_"):
                line[name] = value
        return _encode(line)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        """Return date and time with milliseconds; what does not change in a second is kept."""
        second, text = self._second
        if second != int(record.created):
            second = int(record.created)
            text = time.strftime(self.default_time_format, time.localtime(second))
            self._second = (second, text)
        return f"{text},{int(record.msecs):03d}"


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
    # None of it is written, and each costs every line something.
    logging.logThreads = logging.logProcesses = False
    logging.logMultiprocessing = False
    logging._srcfile = None  # as logging's documentation says
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": "mailer.logging.JsonFormatter",
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
            # aiosmtpd tells what clients say, and a password is among it where they are confused.
            "mail.log": {"handlers": [], "level": "CRITICAL", "propagate": False},
        },
    }
