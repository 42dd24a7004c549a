"""Whether the database and the broker answer."""

from __future__ import annotations

from collections.abc import Iterator

import redis
from django.conf import settings
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor

from delivery.doctor.examination import Examination
from delivery.doctor.verdict import Level, Verdict


def check_parts(examination: Examination) -> Iterator[Verdict]:
    """Ask each one question."""
    yield _database()
    if settings.REDIS_URL:
        yield _redis()


def database_answers() -> bool:
    """Tell whether the database can be asked."""
    return _database().level is Level.OK


def _database() -> Verdict:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error as error:
        return Verdict(
            "database",
            connection.vendor,
            Level.PROBLEM,
            f"The database does not answer: {str(error).strip()}",
            "Start it, or correct DATABASE_URL. No mail is accepted and none leaves without it.",
        )
    if missing := _missing_migrations():
        return Verdict(
            "database",
            connection.vendor,
            Level.PROBLEM,
            f"The database lacks what this version needs: {missing} migrations.",
            "Run python manage.py setup; with the compose file, docker compose up does.",
        )
    return Verdict("database", connection.vendor, Level.OK, "The database answers.")


def _missing_migrations() -> int:
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _redis() -> Verdict:
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2) as client:
            client.ping()
    except redis.RedisError as error:
        return Verdict(
            "redis",
            "redis",
            Level.WARNING,
            f"Redis does not answer: {error}",
            "Start it, or correct REDIS_URL. Mail flows without it, up to two seconds later.",
        )
    return Verdict("redis", "redis", Level.OK, "Redis answers.")
