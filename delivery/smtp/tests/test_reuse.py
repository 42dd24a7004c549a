"""A kept connection serves the next mail, or harms it in no way."""

from __future__ import annotations

import pytest

from delivery.smtp import Connection, Session

from .factories import MESSAGE, ONE, SENDER, endpoint, yes
from .scripted import Action, ScriptedServer, drop, garbage, in_turn, say


def deliver(session: Session) -> str:
    return session.send(SENDER, [ONE], MESSAGE, yes)[ONE].kind


def test_mails_share_a_connection() -> None:
    with ScriptedServer() as server:
        session = Session(endpoint(server))
        assert [deliver(session) for _ in range(3)] == ["delivered"] * 3
        session.close()
        assert (server.connections, len(server.messages)) == (1, 3)
        assert server.seen("RSET") == []
        assert server.saw("QUIT")


@pytest.mark.parametrize("step", ["mail", "rcpt", "data", "dot"])
def test_refused_mail_is_reset_before_the_next(step: str) -> None:
    with ScriptedServer() as server:
        server.on(step, say("550 5.7.1 no"), nth=1)
        session = Session(endpoint(server))
        assert [deliver(session), deliver(session)] == ["bounced", "delivered"]
        assert len(server.seen("RSET")) == 1
        assert server.connections == 1


@pytest.mark.parametrize("action", [drop, garbage, say("500 what?"), say("421 4.3.2 bye")])
def test_failing_reset_costs_only_the_connection(action: Action) -> None:
    with ScriptedServer() as server:
        server.on("mail", say("550 5.7.1 no"), nth=1).on("rset", action, nth=1)
        session = Session(endpoint(server))
        assert [deliver(session), deliver(session)] == ["bounced", "delivered"]
        assert server.connections == 2


@pytest.mark.parametrize(
    "farewell",
    [drop, in_turn(lambda peer: peer.send(b"421 4.4.2 idle too long\r\n"), drop)],
    ids=["silently", "with 421"],
)
def test_connection_closed_while_idle_is_noticed(farewell: Action) -> None:
    with ScriptedServer() as server:
        server.on("dot", in_turn(say("250 2.0.0 ok"), farewell), nth=1)
        connection = Connection(endpoint(server))
        assert connection.open() is None
        assert connection.send(SENDER, [ONE], MESSAGE, yes)[ONE].kind == "delivered"
        server.wait_for("dot")
        assert not connection.is_reusable()


@pytest.mark.parametrize("action", [drop, say("421 4.4.2 idle too long")], ids=["drop", "421"])
def test_kept_connection_that_dies_at_mail_is_replaced_once(action: Action) -> None:
    with ScriptedServer() as server:
        server.on("mail", action, nth=2)
        session = Session(endpoint(server))
        assert [deliver(session), deliver(session)] == ["delivered", "delivered"]
        assert (server.connections, len(server.messages)) == (2, 2)


def test_refusal_over_a_kept_connection_is_not_tried_again() -> None:
    with ScriptedServer() as server:
        server.on("mail", say("450 4.3.0 later"), nth=2)
        session = Session(endpoint(server))
        assert [deliver(session), deliver(session)] == ["delivered", "deferred"]
        assert len(server.seen("MAIL")) == 2


def test_fresh_connection_that_dies_at_mail_is_not_tried_again() -> None:
    with ScriptedServer() as server:
        server.on("mail", drop)
        assert deliver(Session(endpoint(server))) == "deferred"
        assert server.connections == 1


def test_kept_connection_that_dies_later_is_not_tried_again() -> None:
    with ScriptedServer() as server:
        server.on("dot", drop, nth=2)
        session = Session(endpoint(server))
        deliver(session)
        outcome = session.send(SENDER, [ONE], MESSAGE, yes)[ONE]
        assert outcome.ambiguous
        assert server.connections == 1


def test_connection_idle_for_too_long_is_replaced() -> None:
    with ScriptedServer() as server:
        session = Session(endpoint(server), max_idle=-1)
        assert [deliver(session), deliver(session)] == ["delivered", "delivered"]
        assert server.connections == 2


def test_closed_connection_defers_what_it_is_given() -> None:
    with ScriptedServer() as server:
        connection = Connection(endpoint(server))
        outcome = connection.send(SENDER, [ONE], MESSAGE, yes)[ONE]
        assert (outcome.kind, outcome.phase, outcome.ambiguous) == ("deferred", "connect", False)
