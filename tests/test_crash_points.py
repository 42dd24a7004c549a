"""A worker dies at each step of the way; what becomes of its mail is always the same."""

import time
from contextlib import ExitStack

import pytest

from delivery.smtp.crashpoints import EXIT_STATUS, STEPS
from delivery.smtp.tests.scripted import ScriptedServer
from tests.servers import PostgresServer
from tests.system import System, wait_until

# Arrivals, and whether the record says that one attempt may have delivered it. Only where the
# final dot had left can the mail arrive twice, and then it is on record.
OUTCOMES = {
    "after_claim": (1, True),
    "after_compose": (1, True),
    "before_dot": (1, True),
    "after_dot": (2, True),
    "before_settle": (2, True),
    "after_settle": (1, False),
}


@pytest.fixture(scope="module")
def sink():
    with ScriptedServer() as server:
        yield server


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.services)]
)
def system(request, sink, tmp_path_factory):
    """A platform without workers, on either database."""
    settings = {
        "MAIL_TRANSPORT": "relay",
        "SMTP_RELAY_URL": f"smtp://127.0.0.1:{sink.port}?tls=none",
        "LEASE_SECONDS": "5",
    }
    with ExitStack() as stack:
        if request.param == "postgres":
            settings["DATABASE_URL"] = stack.enter_context(PostgresServer(durable=True)).url
        running = stack.enter_context(System(tmp_path_factory.mktemp("crash") / "var", **settings))
        running.start_web()
        yield running


def test_every_crash_point_has_its_outcome():
    assert set(OUTCOMES) == set(STEPS)


@pytest.mark.parametrize("step", STEPS)
def test_worker_that_dies_leaves_no_mail_behind(system, sink, step):
    arrivals, ambiguous = OUTCOMES[step]
    message_id = system.post().json()["message_id"]
    system.environment["CRASH_AT"] = step
    system.start_worker("doomed")
    assert system.processes["doomed"].wait(30) == EXIT_STATUS
    died = time.monotonic()
    del system.environment["CRASH_AT"]
    system.start_worker("next")
    wait_until(lambda: system.show(message_id)["status"] == "delivered", 60)
    assert time.monotonic() - died < 60, "a dead worker's mail goes again within a minute"
    system.stop("next")
    events = system.show(message_id)["events"]
    marked = f"Message-ID: <{message_id}@".encode()
    assert sum(marked in message.data for message in sink.messages) == arrivals
    assert any(event["data"].get("ambiguous") for event in events) == ambiguous
    assert [event["type"] for event in events].count("deliver") == 1
