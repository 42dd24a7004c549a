"""Settings of the test run, set before Django reads them (loaded by `-p tests.environment`).

The run is on SQLite and the embedded broker, or with TEST_SERVICES=1 on PostgreSQL and Redis: all
tests that depend on them then, while those that use neither run in the first run only. With
`-n` this is loaded by each process of the run, which has a folder and servers of its own.
"""

import os
import shutil
import tempfile
from typing import Any

import pytest

from tests.servers import PostgresServer, RedisServer, Server, missing_programs

ON_SERVICES = os.environ.get("TEST_SERVICES") == "1"
REQUIRED = bool(os.environ.get("REQUIRE_SERVICES"))  # set by .ci/run
MISSING = missing_programs()
DATABASE_FIXTURES = {"db", "transactional_db", "live_server", "admin_client", "django_db_reset"}
SERVICE_FIXTURES = {"postgres", "redis"}
VAR = tempfile.mkdtemp(prefix="mailer-tests-")
servers: list[Server] = []
left_out: list[int] = []  # how many tests, by process

if MISSING and (ON_SERVICES or REQUIRED):
    raise pytest.UsageError(f"PostgreSQL and Redis are needed; not found: {', '.join(MISSING)}")

os.environ |= {
    "SECRET_KEY": "tests-only-tests-only-tests-only-tests-only-tests-only",
    "TRACKING_KEYS": "tests-only-newest-key-0123456789abcdef,tests-only-older-key-0123456789abcdef",
    "ENCRYPTION_KEYS": "tests-only-fedcba9876543210-fedcba9876543210",
    "PUBLIC_URL": "https://mail.example.test",
    "MAIL_TRANSPORT": "capture",
    "ALLOW_ANY_FROM": "true",
    "LOG_FORMAT": "text",
    "VAR": VAR,
}
STRAYS = (*("DATABASE_URL", "REDIS_URL", "S3_BUCKET", "S3_ENDPOINT_URL", "UPLOADS_PUBLIC_URL"),)
for stray in STRAYS:
    os.environ.pop(stray, None)

if ON_SERVICES:
    postgres, redis = PostgresServer(), RedisServer()
    servers += [postgres, redis]
    for server in servers:
        server.start()
    os.environ |= {"DATABASE_URL": postgres.url, "REDIS_URL": redis.url}


def pytest_report_header() -> str:
    """Say what the run is on."""
    if ON_SERVICES:
        database, broker = (f"{server.version} (port {server.port})" for server in servers)
        return f"database: {database}, broker: {broker}, both thrown away at the end"
    others = f"not found ({', '.join(MISSING)})" if MISSING else "found, tested by `make test`"
    return f"database: SQLite, broker: embedded; PostgreSQL and Redis: {others}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep what belongs to this run: each test runs where it can tell something new.

    The long ones, of whole systems, come first: several processes then end at about the same time.
    """
    kept = [item for item in items if belongs(item)]
    if len(kept) < len(items):
        config.hook.pytest_deselected(items=[item for item in items if not belongs(item)])
    items[:] = sorted(kept, key=lambda item: not item.nodeid.startswith(("tests/", "mailer/")))


def belongs(item: pytest.Item) -> bool:
    """Tell whether a test is of this run."""
    program = item.get_closest_marker("program")
    if program and not REQUIRED and shutil.which(program.args[0]) is None:
        return False
    fixtures = set(getattr(item, "fixturenames", ()))
    needs_services = bool(item.get_closest_marker("services") or fixtures & SERVICE_FIXTURES)
    if not ON_SERVICES:
        return not needs_services
    uses_database = item.get_closest_marker("django_db") or fixtures & DATABASE_FIXTURES
    return needs_services or bool(uses_database)


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Count them: with `-n`, pytest does not tell."""
    left_out.append(len(items))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Hear from a process of the run how many tests it left out."""
    left_out.append(getattr(node, "workeroutput", {}).get("left_out", 0))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Selecting only tests of the other run is no failure; skipping one may be."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = sum(left_out)
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    stats = reporter.stats if reporter else {}
    if session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and any(left_out):
        session.exitstatus = pytest.ExitCode.OK
    if REQUIRED and stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say why a run failed without a failing test."""
    if REQUIRED and terminalreporter.stats.get("skipped"):
        terminalreporter.write_line(
            "REQUIRE_SERVICES is set: a skipped test is a failure", red=True
        )


def pytest_unconfigure() -> None:
    """Throw away what the run used."""
    for server in servers:
        server.close()
    shutil.rmtree(VAR, ignore_errors=True)
