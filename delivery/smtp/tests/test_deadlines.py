"""A deadline is for a whole phase, however busily a server wastes it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from delivery.smtp import Connection, Endpoint, Outcome, Phase, Timeouts

from .factories import BIG, MESSAGE, ONE, SENDER, endpoint, timeouts, yes
from .scripted import ScriptedServer, drip, in_turn, say, sip


def deliver(server: ScriptedServer, message: bytes = MESSAGE, **limits: float) -> Outcome:
    connection = Connection(endpoint(server, timeouts=timeouts(**limits)))
    return connection.open() or connection.send(SENDER, [ONE], message, yes)[ONE]


@pytest.mark.parametrize(
    ("step", "limit"),
    [
        ("greeting", "greeting"),
        ("ehlo", "hello"),
        ("mail", "command"),
        ("rcpt", "command"),
        ("data", "data"),
        ("dot", "final"),
    ],
)
def test_dripping_reply_cannot_outlast_its_phase(step: str, limit: str) -> None:
    with ScriptedServer() as server:
        server.on(step, drip("250 " + "x" * 2000, pause=0.02))
        outcome = deliver(server, **{limit: 0.2})
        assert (outcome.kind, outcome.phase, outcome.detail) == ("deferred", step, "timed out")
        assert outcome.ambiguous is (step == "dot")


def test_endless_reply_lines_cannot_outlast_their_phase() -> None:
    with ScriptedServer() as server:
        server.on("mail", in_turn(*[drip("250-more", pause=0.01)] * 100))
        assert deliver(server, command=0.2).phase is Phase.MAIL


@pytest.mark.parametrize(
    "limits",
    [{"data_block": 0.2, "minimum_rate": 1.0}, {"minimum_rate": 80_000_000.0, "data_block": 0.05}],
    ids=["block", "rate"],
)
def test_sipping_server_cannot_outlast_the_data(limits: dict[str, float]) -> None:
    with ScriptedServer() as server:
        server.on("body", sip(pause=0.01))
        outcome = deliver(server, BIG, **limits)
        assert (outcome.kind, outcome.phase) == ("deferred", Phase.BODY)
        assert not outcome.ambiguous


def test_all_recipients_share_one_deadline() -> None:
    recipients = [f"user{number}@example.com" for number in range(50)]
    with ScriptedServer(extensions=()) as server:
        server.on("rcpt", in_turn(lambda peer: peer.released.wait(0.05), say("250 ok")))  # type: ignore[arg-type,return-value]
        connection = Connection(endpoint(server, timeouts=timeouts(command=0.4)))
        connection.open()
        outcomes = connection.send(SENDER, recipients, MESSAGE, yes)
        assert {(each.kind, each.phase) for each in outcomes.values()} == {("deferred", "rcpt")}
        assert len(server.seen("RCPT")) < len(recipients)


@contextmanager
def full_backlog() -> Iterator[int]:
    """A port whose listener answers no SYN any more."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(2):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def test_host_that_does_not_answer_times_out_in_connect() -> None:
    with full_backlog() as port:
        terms = Endpoint("127.0.0.1", port, "client.example", timeouts=timeouts(connect=0.2))
        outcome = Connection(terms).open()
        assert outcome is not None
        assert (outcome.kind, outcome.phase, outcome.detail) == ("deferred", "connect", "timed out")


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: tuple[str, int]) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: found)


def test_silent_address_leaves_time_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer() as server, full_backlog() as port:
        resolve_to(monkeypatch, ("127.0.0.1", port), (server.host, server.port))
        terms = endpoint(server, host="mx.example", timeouts=timeouts(connect=0.4))
        assert Connection(terms).open() is None


@pytest.mark.parametrize("host", ["127.0.0.1", "bad..name", "x" * 64 + ".example"])
def test_refused_connection_and_unusable_name_defer(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    outcome = Connection(Endpoint(host, port, "client.example", timeouts=timeouts())).open()
    assert outcome is not None
    assert (outcome.kind, outcome.phase, outcome.ambiguous) == ("deferred", "connect", False)
    assert outcome.host == f"{host}:{port}"


def test_next_address_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer() as server, socket.create_server(("127.0.0.1", 0)) as listener:
        closed = listener.getsockname()
        listener.close()
        resolve_to(monkeypatch, closed, (server.host, server.port))
        assert Connection(endpoint(server, host="mx.example")).open() is None


def test_defaults_are_those_of_the_standard() -> None:
    limits = Timeouts()
    assert (limits.greeting, limits.command, limits.data) == (300, 300, 120)
    assert (limits.hello, limits.kept) == (300, 300)
    assert (limits.data_block, limits.final) == (180, 600)
    assert limits.transfer(25_000_000) == 180 + 2500


def test_answer_to_the_whole_mail_has_more_time_than_a_command() -> None:
    with ScriptedServer() as server:
        server.on("dot", drip("250 2.0.0 taken", pause=0.05))
        assert deliver(server, command=0.2).kind == "delivered"


def test_421_after_the_dot_is_the_word_of_the_server() -> None:
    with ScriptedServer() as server:
        server.on("dot", say("421 4.3.2 going down"))
        outcome = deliver(server)
        assert (outcome.kind, outcome.phase, outcome.ambiguous) == ("deferred", "dot", False)
