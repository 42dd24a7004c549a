"""Who lost the right to send does not send."""

from __future__ import annotations

import pytest

from delivery.smtp import Connection, OutcomeKind

from .factories import BIG, LARGE, MESSAGE, ONE, SENDER, TWO, endpoint
from .scripted import ScriptedServer, say


@pytest.mark.parametrize("message", [MESSAGE, BIG], ids=["small", "big"])
def test_abandoned_mail_is_not_delivered(message: bytes) -> None:
    with ScriptedServer() as server:
        server.on("rcpt", say("550 5.1.1 no"), nth=2)
        connection = Connection(endpoint(server))
        connection.open()
        outcomes = connection.send(SENDER, [ONE, TWO], message, lambda: False)
        assert {outcome.kind for outcome in outcomes.values()} == {OutcomeKind.ABANDONED}
        assert not connection.is_open
    assert server.messages == []


def test_before_dot_is_asked_once_and_after_the_bulk_of_a_large_mail() -> None:
    asked: list[int] = []
    with ScriptedServer() as server:
        connection = Connection(endpoint(server))
        connection.open()

        def before_dot() -> bool:
            server.wait_for("body")
            asked.append(len(server.messages))
            return True

        assert connection.send(SENDER, [ONE], LARGE, before_dot)[ONE].kind == "delivered"
        assert asked == [0]
        assert server.messages[0].data == LARGE


def test_before_dot_is_asked_once_and_before_the_body_of_a_small_mail() -> None:
    asked: list[int] = []
    early: list[bytes] = []
    with ScriptedServer() as server:
        server.on("body", lambda peer: early.append(b"." if asked else peer.buffer))
        connection = Connection(endpoint(server))
        connection.open()

        def before_dot() -> bool:
            asked.append(len(server.messages))
            return True

        assert connection.send(SENDER, [ONE], MESSAGE, before_dot)[ONE].kind == "delivered"
        assert asked == [0]
        assert early == [b"."]


def test_before_dot_is_not_asked_when_nobody_is_left() -> None:
    with ScriptedServer() as server:
        server.on("rcpt", say("550 5.1.1 no"))
        connection = Connection(endpoint(server))
        connection.open()
        assert connection.send(SENDER, [ONE], MESSAGE, lambda: 1 / 0)[ONE].kind == "bounced"  # type: ignore[arg-type,return-value]


def test_exception_in_before_dot_delivers_nothing_and_closes() -> None:
    with ScriptedServer() as server:
        connection = Connection(endpoint(server))
        connection.open()
        with pytest.raises(ZeroDivisionError):
            connection.send(SENDER, [ONE], MESSAGE, lambda: bool(1 / 0))
        assert not connection.is_open
    assert server.messages == []
