"""A running inbound listener for tests, and a client that says any bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from delivery.listeners.database import Desk
from delivery.listeners.inbound import Inbound, InboundConversation
from delivery.listeners.limits import Limits
from delivery.listeners.server import Server

QUICK = Limits(greeting_pause=0.02)


@contextmanager
def listening(limits: Limits = QUICK, certificate: Any = None, **changed: Any) -> Iterator[Server]:
    """An inbound listener at a free port of 127.0.0.1."""
    desk = Desk("inbound", 4)
    server = Server(
        "inbound",
        ("127.0.0.1", 0),
        lambda room: InboundConversation(Inbound(desk), room, "mail.example.test"),
        limits=replace(limits, **changed),
        certificate=certificate,
    )
    server.start()
    try:
        yield server
    finally:
        server.stop(2)
        desk.close()


@pytest.fixture
def server() -> Iterator[Server]:
    """One with the usual limits."""
    with listening() as server:
        yield server
