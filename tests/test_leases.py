"""Leases between real workers: kept while a delivery is slow, and lost to a pause for good."""

import json
import signal
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from delivery.smtp.tests.scripted import ScriptedServer
from tests.servers import PostgresServer
from tests.system import System, wait_until

LEASE_SECONDS = 5


@pytest.fixture
def sink():
    with ScriptedServer() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.services)])
def system(request, sink, tmp_path):
    """A platform without workers, on either database."""
    settings = {
        "MAIL_TRANSPORT": "relay",
        "SMTP_RELAY_URL": f"smtp://127.0.0.1:{sink.port}?tls=none",
        "LEASE_SECONDS": str(LEASE_SECONDS),
    }
    with ExitStack() as stack:
        if request.param == "postgres":
            settings["DATABASE_URL"] = stack.enter_context(PostgresServer(durable=True)).url
        running = stack.enter_context(System(tmp_path / "var", **settings))
        running.start_web()
        yield running


class Slow:
    """The first who comes to a step is answered when the test says so."""

    def __init__(self, sink, step, answer):
        self.came, self.go_on = threading.Event(), threading.Event()
        self._answer = answer
        sink.on(step, self._act, nth=1)

    def _act(self, peer):
        self.came.set()
        self.go_on.wait(60)
        peer.say(self._answer)


def arrivals(sink, message_id):
    marked = f"Message-ID: <{message_id}@".encode()
    return sum(marked in message.data for message in sink.messages)


def said(system, name, message):
    """Return what a worker logged that begins with `message`."""
    lines = system.log(name).read_text().splitlines()
    entries = [json.loads(line) for line in lines if line.startswith("{")]
    return [entry for entry in entries if entry["message"].startswith(message)]


def is_delivered(system, message_id):
    return system.show(message_id)["status"] == "delivered"


def begin(system, slow):
    """Have a mail taken by a worker, and held by the sink."""
    message_id = system.post().json()["message_id"]
    system.start_worker("first")
    assert slow.came.wait(30)
    return message_id


def is_stopped(pid):
    """Tell whether each of its threads has seen the signal."""
    states = [path.read_text().rpartition(")")[2].split()[0] for path in stats_of(pid)]
    return set(states) == {"T"}


def stats_of(pid):
    return list(Path(f"/proc/{pid}/task").glob("*/stat"))


def lose_to_another(system, message_id, slow):
    """Pause the first worker past its lease, in which another one delivers; then let it go on."""
    system.processes["first"].send_signal(signal.SIGSTOP)
    wait_until(lambda: is_stopped(system.processes["first"].pid), 10)
    slow.go_on.set()
    system.start_worker("second")
    wait_until(lambda: is_delivered(system, message_id), 60)
    before = system.show(message_id)
    system.processes["first"].send_signal(signal.SIGCONT)
    return before


def test_slow_delivery_keeps_its_lease_though_another_worker_has_nothing_to_do(system, sink):
    slow = Slow(sink, "dot", "250 2.0.0 ok")
    message_id = begin(system, slow)
    system.start_worker("second")
    wait_until(lambda: said(system, "second", "pump started"), 30)
    time.sleep(2.5 * LEASE_SECONDS)
    slow.go_on.set()
    wait_until(lambda: is_delivered(system, message_id), 30)
    assert arrivals(sink, message_id) == 1
    events = system.show(message_id)["events"]
    assert [event["type"] for event in events] == ["queue", "deliver"]
    assert not any(event["data"].get("ambiguous") for event in events)


def test_worker_paused_past_its_lease_can_not_settle_and_its_outcome_is_in_the_log(system, sink):
    slow = Slow(sink, "dot", "250 2.0.0 ok")
    message_id = begin(system, slow)
    before = lose_to_another(system, message_id, slow)
    wait_until(lambda: said(system, "first", "too late"), 30)
    [late] = said(system, "first", "too late")
    assert (late["message_id"], late["attempt"], late["status"]) == (message_id, 1, "delivered")
    assert late["data"]["host"].endswith(f":{sink.port}")
    assert system.show(message_id) == before
    assert arrivals(sink, message_id) == 2
    assert [event["type"] for event in before["events"]] == ["queue", "defer", "deliver"]
    assert [bool(event["data"].get("ambiguous")) for event in before["events"]] == [
        False,
        True,
        False,
    ]


def test_worker_paused_past_its_lease_before_the_dot_sends_nothing(system, sink):
    slow = Slow(sink, "data", "354 go on")
    message_id = begin(system, slow)
    before = lose_to_another(system, message_id, slow)
    wait_until(lambda: said(system, "first", "not sent"), 30)
    assert system.show(message_id) == before
    assert arrivals(sink, message_id) == 1
