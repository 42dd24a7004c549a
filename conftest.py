"""Fixtures for every test."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.servers import PostgresServer, RedisServer

# How fast this machine is just now says nothing about the code.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server of the test's own, to be stopped and killed; its writes are durable."""
    with PostgresServer(durable=True) as server:
        yield server


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """A Redis server of the test's own, to be stopped, emptied and killed."""
    with RedisServer() as server:
        yield server
