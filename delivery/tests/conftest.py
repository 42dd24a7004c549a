"""A running pump for tests of the journey."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from delivery.pump import Pace, Pump
from delivery.transports.base import Transport
from delivery.transports.capture import CaptureTransport


@contextmanager
def running(transport: Transport, **pace: float) -> Iterator[Pump]:
    """A pump that looks often, drained at the end."""
    pump = Pump(transport, Pace(**({"concurrency": 4, "lease": 30, "look": 0.05} | pace)))
    pump.start()
    try:
        yield pump
    finally:
        pump.drain(5)


@pytest.fixture
def outbox(tmp_path):
    return tmp_path / "outbox"


@pytest.fixture
def capture(outbox):
    return CaptureTransport(outbox)
