"""A line of the JSON log is, character by character, what python-json-logger writes."""

import json
import logging
import sys
from datetime import UTC, datetime
from uuid import UUID

import pytest
from pythonjsonlogger.json import JsonFormatter as Oracle

from mailer.logging import JsonFormatter, logging_config

OPTIONS = logging_config("json", "INFO")["formatters"]["json"]
ARGUMENTS = {"fmt": OPTIONS["format"], "rename_fields": OPTIONS["rename_fields"]}


def failure():
    try:
        raise ValueError("out\nof reach")
    except ValueError:
        return sys.exc_info()


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"msg": "accepted", "message_id": "msg_1", "recipients": 2},
        {"msg": "%s is back after %d s", "args": ("relay", 3)},
        {"msg": 'ünïcødé \U0001f600 \u2028 "quoted" \\ \t', "args": ()},
        {"ids": ["msg_1", "msg_2"], "nested": {"a": [None, True, 1.5]}},
        {"at": datetime(2030, 1, 2, tzinfo=UTC), "lease": UUID(int=7), "raw": b"x", "odd": object},
        {"msg": {"message": "as a dict", "n": 1}, "more": 2},
        {"msg": 5},
        {"msg": "a failure", "exc_info": failure()},
        {"msg": "an old failure", "exc_text": "Traceback: …"},
        {"msg": "where", "stack_info": "Stack (most recent call last): …"},
        {"_private": 1, "taskName": "Task-1", "kept": 2},
        {"created": 1_900_000_000.999_6, "msecs": 999.6},
        {"created": 1_900_000_000.0, "msecs": 0.0},
    ],
)
def test_line_is_the_same(fields):
    record = {"name": "emails.accept", "levelno": 20, "levelname": "INFO", "created": 1.9e9}
    ours, oracle = (make(**ARGUMENTS) for make in (JsonFormatter, Oracle))
    for second in (0, 0, 1):  # what is kept of one second must not show in the next
        values = {"msecs": 17.0, **record, **fields}
        values["created"] += second
        line, expected = (
            formatter.format(logging.makeLogRecord(dict(values))) for formatter in (ours, oracle)
        )
        assert line == expected
        assert json.loads(line)["logger"] == "emails.accept"
