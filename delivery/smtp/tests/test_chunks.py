"""BDAT saves a round trip, and blurs nothing."""

from __future__ import annotations

import pytest

from delivery.smtp import Connection, Outcome, Phase, Session

from .factories import BIG, LARGE, MESSAGE, ONE, SENDER, SHORT, TWO, endpoint, timeouts, yes
from .scripted import (
    CHUNKED,
    EXTENSIONS,
    Action,
    Peer,
    ScriptedServer,
    drop,
    garbage,
    in_turn,
    once_seen,
    say,
    stall,
)


def connect(server: ScriptedServer, **terms: object) -> Connection:
    connection = Connection(endpoint(server, **terms))
    assert connection.open() is None
    return connection


def deliver(server: ScriptedServer, *recipients: str, message: bytes = MESSAGE) -> list[Outcome]:
    connection = connect(server)
    outcomes = connection.send(SENDER, recipients or (ONE, TWO), message, yes)
    connection.quit()
    return list(outcomes.values())


def words(outcomes: list[Outcome]) -> list[str]:
    return ["ambiguous" if each.ambiguous else each.kind.value for each in outcomes]


def spoken(server: ScriptedServer, verb: str = "") -> list[str]:
    """The commands of the only connection, once it was open."""
    lines = server.commands[server.commands.index("NOOP") + 1 :]
    return [line for line in lines if line.startswith(verb)]


def verbs(server: ScriptedServer) -> list[str]:
    return [line.split()[0] for line in spoken(server)]


def test_small_mail_is_one_write() -> None:
    with ScriptedServer(extensions=CHUNKED) as server:
        server.on("mail", once_seen(b" LAST\r\n" + MESSAGE, say("250 ok")))
        assert words(deliver(server)) == ["delivered", "delivered"]
        assert server.saw("QUIT")
        assert verbs(server) == ["MAIL", "RCPT", "RCPT", "BDAT", "QUIT"]
        assert spoken(server, "BDAT") == [f"BDAT {len(MESSAGE)} LAST"]


@pytest.mark.parametrize("message", [MESSAGE, LARGE, b"", b".\r\n", b"\r\n.\r\nRSET\r\n"])
def test_chunks_carry_the_message_as_it_is(message: bytes) -> None:
    with ScriptedServer(extensions=CHUNKED) as server:
        assert words(deliver(server, message=message)) == ["delivered", "delivered"]
        assert [each.data for each in server.messages] == [message]
        assert server.messages[0].parameters == [f"SIZE={len(message)}"]


def test_large_mail_waits_for_its_recipients_and_holds_its_end_back() -> None:
    early: list[bytes] = []
    with ScriptedServer(extensions=CHUNKED) as server:
        server.on("rcpt", lambda peer: (early.append(peer.buffer), peer.say("250 ok"))[0])
        server.on("chunk", lambda peer: (early.append(peer.buffer), peer.say("250 ok"))[0])
        assert words(deliver(server, ONE, message=LARGE)) == ["delivered"]
        first, last = (line.split() for line in spoken(server, "BDAT"))
        assert int(first[1]) + int(last[1]) == len(LARGE)
        assert last[2:] == ["LAST"]
        assert server.messages[0].data == LARGE
    assert early == [b"", b""]


@pytest.mark.parametrize("extensions", [EXTENSIONS, [*CHUNKED[1:]]], ids=["no chunks", "in turn"])
def test_chunks_need_chunking_and_pipelining(extensions: list[str]) -> None:
    with ScriptedServer(extensions=extensions) as server:
        assert words(deliver(server, ONE)) == ["delivered"]
        assert server.seen("BDAT") == []


def test_endpoint_can_do_without_chunks() -> None:
    with ScriptedServer(extensions=CHUNKED) as server:
        connection = connect(server, chunking=False)
        assert connection.send(SENDER, [ONE], MESSAGE, yes)[ONE].kind == "delivered"
        assert [line.split()[0] for line in server.commands] == ["EHLO", "MAIL", "RCPT", "DATA"]


# Refusals


@pytest.mark.parametrize("message", [MESSAGE, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("ending", [say("503 5.5.1 nobody"), say("451 4.3.0 later"), drop, garbage])
def test_refused_recipients_keep_their_refusals_whatever_follows(
    ending: Action, message: bytes
) -> None:
    with ScriptedServer(extensions=CHUNKED) as server:
        server.on("rcpt", say("550 5.1.1 no such user"), nth=1)
        server.on("rcpt", say("450 4.2.1 busy"), nth=2).on("dot", ending, nth=1)
        outcomes = deliver(server, message=message)
        assert words(outcomes) == ["bounced", "deferred"]
        assert [each.phase for each in outcomes] == [Phase.RCPT, Phase.RCPT]
        assert server.messages == []


@pytest.mark.parametrize("ending", [say("503 5.5.1 no sender"), drop, garbage])
def test_refused_sender_is_what_every_recipient_hears(ending: Action) -> None:
    with ScriptedServer(extensions=CHUNKED) as server:
        server.on("mail", say("550 5.7.1 not you")).on("dot", ending)
        outcomes = deliver(server)
        assert words(outcomes) == ["bounced", "bounced"]
        assert [each.phase for each in outcomes] == [Phase.MAIL, Phase.MAIL]


def test_mail_taken_for_nobody_ends_the_connection() -> None:
    with ScriptedServer(extensions=CHUNKED) as server:
        server.on("rcpt", say("550 5.1.1 no such user")).on("dot", say("250 2.0.0 thanks"))
        connection = connect(server)
        assert connection.send(SENDER, [ONE], MESSAGE, yes)[ONE].kind == "bounced"
        assert not connection.is_open


def test_silence_is_ambiguous_only_for_whom_nobody_refused() -> None:
    with ScriptedServer(extensions=CHUNKED) as server:
        server.on("rcpt", say("550 5.1.1 no such user"), nth=1).on("dot", drop)
        assert words(deliver(server)) == ["bounced", "ambiguous"]


@pytest.mark.parametrize("step", ["mail", "rcpt", "dot"])
def test_421_is_no_silence(step: str) -> None:
    with ScriptedServer(extensions=CHUNKED) as server:
        server.on(step, in_turn(say("421 4.3.2 shutting down"), drop))
        connection = connect(server)
        (outcome,) = connection.send(SENDER, [ONE], MESSAGE, yes).values()
        assert (outcome.kind, outcome.phase, outcome.ambiguous) == ("deferred", step, False)
        assert not connection.is_open


@pytest.mark.parametrize("step", ["mail", "rcpt"])
@pytest.mark.parametrize("action", [drop, garbage])
def test_large_mail_is_not_ambiguous_before_its_last_chunk(step: str, action: Action) -> None:
    with ScriptedServer(extensions=CHUNKED) as server:
        server.on(step, action)
        (outcome,) = deliver(server, ONE, message=LARGE)
        assert (outcome.kind, outcome.phase, outcome.ambiguous) == ("deferred", step, False)


@pytest.mark.parametrize(
    ("step", "message"), [("mail", MESSAGE), ("rcpt", MESSAGE), ("chunk", LARGE), ("dot", LARGE)]
)
def test_refused_mail_is_reset_before_the_next(step: str, message: bytes) -> None:
    with ScriptedServer(extensions=CHUNKED) as server:
        server.on(step, say("550 5.7.1 no"), nth=1)
        session = Session(endpoint(server))
        assert session.send(SENDER, [ONE], message, yes)[ONE].kind == "bounced"
        assert session.send(SENDER, [ONE], MESSAGE, yes)[ONE].kind == "delivered"
        assert (len(server.seen("RSET")), server.connections) == (1, 1)


# The last look


def test_small_mail_that_may_not_leave_is_not_begun() -> None:
    with ScriptedServer(extensions=CHUNKED) as server:
        connection = connect(server)
        assert connection.send(SENDER, [ONE], MESSAGE, lambda: False)[ONE].kind == "abandoned"
        assert connection.is_reusable()
        assert connection.send(SENDER, [ONE], MESSAGE, yes)[ONE].kind == "delivered"
        assert verbs(server) == ["MAIL", "RCPT", "BDAT"]


def test_large_mail_that_may_not_leave_is_reset() -> None:
    with ScriptedServer(extensions=CHUNKED) as server:
        connection = connect(server)
        assert connection.send(SENDER, [ONE], LARGE, lambda: False)[ONE].kind == "abandoned"
        assert connection.is_reusable()
        assert connection.send(SENDER, [ONE], MESSAGE, yes)[ONE].kind == "delivered"
        assert [each.data for each in server.messages] == [MESSAGE]
        assert len(server.seen("RSET")) == 1


# Servers that offer what they do not know


def swallow_nothing(peer: Peer) -> None:
    """Refuse a chunk and go on to read it as commands."""
    peer.say("503 5.5.1 MAIL first")


@pytest.mark.parametrize(
    "action",
    [swallow_nothing, say("500 5.5.2 what?"), say("502 5.5.1 no"), say("504 5.5.4 no")],
    ids=["read as commands", "500", "502", "504"],
)
def test_server_that_fails_at_a_harmless_chunk_gets_data(action: Action) -> None:
    with ScriptedServer(extensions=CHUNKED) as server:
        server.on("bdat", action)
        assert words(deliver(server, ONE)) == ["delivered"]
        assert server.saw("QUIT")
        assert verbs(server) == ["MAIL", "RCPT", "DATA", "QUIT"]
        assert server.connections == 1


@pytest.mark.parametrize("action", [say("502 5.5.1 no"), say("500 5.5.2 what?")])
def test_server_that_discards_chunks_it_does_not_know_gets_data(action: Action) -> None:
    with ScriptedServer(extensions=CHUNKED) as server:
        server.on("probe", action)
        assert words(deliver(server, ONE)) == ["delivered"]
        assert server.saw("QUIT")
        assert verbs(server) == ["MAIL", "RCPT", "DATA", "QUIT"]


@pytest.mark.parametrize("action", [drop, garbage, say("421 4.7.0 strange"), stall])
def test_server_that_breaks_with_a_harmless_chunk_gets_data_over_another_connection(
    action: Action,
) -> None:
    with ScriptedServer(extensions=CHUNKED) as server:
        server.on("probe", action)
        session = Session(endpoint(server, timeouts=timeouts(courtesy=SHORT)))
        for _ in range(2):
            assert session.send(SENDER, [ONE], MESSAGE, yes)[ONE].kind == "delivered"
        assert (server.connections, len(server.seen("DATA"))) == (2, 2)


@pytest.mark.parametrize("message", [MESSAGE, LARGE, BIG], ids=["small", "large", "big"])
@pytest.mark.parametrize("code", [500, 502, 504])
def test_bdat_that_becomes_unknown_makes_way_for_data_at_once(code: int, message: bytes) -> None:
    with ScriptedServer(extensions=CHUNKED) as server:
        server.on("rcpt", say("550 5.1.1 no such user"), nth=1)
        server.on("bdat", say(f"{code} 5.5.2 what?"), nth=2)
        session = Session(endpoint(server))
        outcomes = session.send(SENDER, [ONE, TWO], message, yes)
        assert words(list(outcomes.values())) == ["bounced", "delivered"]
        assert [(each.recipients, each.data) for each in server.messages] == [([TWO], message)]
        assert session.send(SENDER, [ONE], MESSAGE, yes)[ONE].kind == "delivered"
        assert (server.connections, len(server.seen("DATA"))) == (2, 2)


def test_bdat_that_becomes_unknown_is_tried_again_by_who_has_no_other_connection() -> None:
    with ScriptedServer(extensions=CHUNKED) as server:
        server.on("bdat", say("502 5.5.1 not implemented"), nth=2)
        connection = connect(server)
        (outcome,) = connection.send(SENDER, [ONE], MESSAGE, yes).values()
        assert (outcome.kind, outcome.phase, outcome.ambiguous) == ("deferred", "data", False)
        assert not connection.is_open


def test_bdat_that_becomes_unknown_closes_the_connection_though_nobody_is_left() -> None:
    with ScriptedServer(extensions=CHUNKED) as server:
        server.on("rcpt", say("550 5.1.1 no such user"))
        server.on("bdat", say("500 5.5.2 what?"), nth=2)
        connection = connect(server)
        assert connection.send(SENDER, [ONE], MESSAGE, yes)[ONE].kind == "bounced"
        assert not connection.is_open


# Kept connections


def test_connection_that_lay_idle_is_asked_before_a_mail_goes_all_at_once() -> None:
    with ScriptedServer(extensions=CHUNKED) as server:
        server.on("rset", drop)
        session = Session(endpoint(server), doubt_after=-1)
        for _ in range(2):
            assert session.send(SENDER, [ONE], MESSAGE, yes)[ONE].kind == "delivered"
        assert (server.connections, len(server.messages)) == (2, 2)


def test_connection_in_use_is_not_asked() -> None:
    with ScriptedServer(extensions=CHUNKED) as server:
        session = Session(endpoint(server), doubt_after=60)
        for _ in range(3):
            assert session.send(SENDER, [ONE], MESSAGE, yes)[ONE].kind == "delivered"
        assert (server.connections, server.seen("RSET")) == (1, [])


def test_kept_connection_that_says_421_to_mail_is_replaced_once() -> None:
    with ScriptedServer(extensions=CHUNKED) as server:
        server.on("mail", in_turn(say("421 4.4.2 enough for one connection"), drop), nth=2)
        session = Session(endpoint(server))
        for _ in range(2):
            assert session.send(SENDER, [ONE], MESSAGE, yes)[ONE].kind == "delivered"
        assert (server.connections, len(server.messages)) == (2, 2)


def test_server_may_answer_everything_at_the_end() -> None:
    """The patience for the whole mail counts from when it left, not that for MAIL."""
    with ScriptedServer(extensions=CHUNKED) as server:
        server.on("mail", lambda peer: (peer.released.wait(1.5), peer.say("250 ok"))[1])
        connection = connect(server, timeouts=timeouts(command=1.0))
        assert connection.send(SENDER, [ONE], MESSAGE, yes)[ONE].kind == "delivered"


def too_much(peer: Peer) -> None:
    peer.send(b"250 2.0.0 ok\r\n250 2.0.0 that was not asked for\r\n")


def test_answer_too_many_before_the_first_mail_is_not_taken_for_its_own() -> None:
    with ScriptedServer(extensions=CHUNKED) as server:
        server.on("noop", too_much).on("mail", say("550 5.7.1 no"))
        outcome = Session(endpoint(server)).send(SENDER, [ONE], MESSAGE, yes)[ONE]
        assert (outcome.kind, outcome.phase) == ("bounced", "mail")
        assert server.seen("BDAT") == ["BDAT 7 LAST"]  # the probe alone
        assert server.connections == 2


def test_answer_too_many_to_a_reset_is_not_taken_for_that_to_the_next_mail() -> None:
    with ScriptedServer(extensions=CHUNKED) as server:
        server.on("rcpt", say("550 5.1.1 no such user"), nth=1).on("rset", too_much)
        session = Session(endpoint(server))
        outcomes = [session.send(SENDER, [ONE], MESSAGE, yes)[ONE] for _ in range(2)]
        assert words(outcomes) == ["bounced", "delivered"]
        assert (server.connections, len(server.messages)) == (2, 1)
