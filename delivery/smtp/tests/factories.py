"""Endpoints, timeouts and messages for tests of the SMTP client."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from delivery.smtp import Endpoint, Timeouts

from .scripted import ScriptedServer

SENDER = "sender@example.com"
ONE, TWO, THREE = "one@example.net", "two@example.net", "three@example.net"
MESSAGE = b"From: sender@example.com\r\nSubject: hi\r\n\r\nHello.\r\n.\r\n..dots\r\n"
LARGE = b"Subject: large\r\n\r\n" + (b"z" * 98 + b"\r\n") * 2_000
"""200 kB: more than leaves in one piece."""
BIG = b"Subject: big\r\n\r\n" + b"x" * 70 + b"\r\n" + (b"y" * 98 + b"\r\n") * 160_000
"""16 MB: more than the kernel's buffers take while nobody reads."""

LONG, SHORT = 8.0, 0.15


def timeouts(seconds: float = LONG, **changed: float) -> Timeouts:
    phases = {each.name for each in fields(Timeouts)} - {"minimum_rate"}
    return Timeouts(**(dict.fromkeys(phases, seconds) | {"minimum_rate": 1e9} | changed))


def endpoint(server: ScriptedServer, seconds: float = LONG, **changed: Any) -> Endpoint:
    given = {"port": server.port, "timeouts": timeouts(seconds)} | changed
    return Endpoint(**({"host": server.host, "helo_name": "client.example"} | given))


def yes() -> bool:
    return True
