"""Each recipient gets the answer that is about it."""

from __future__ import annotations

import pytest

from delivery.smtp import Connection, Outcome, OutcomeKind, Phase

from .factories import BIG, LARGE, MESSAGE, ONE, SENDER, THREE, TWO, endpoint, timeouts, yes
from .scripted import (
    CHUNKED,
    EXTENSIONS,
    Action,
    ScriptedServer,
    drop,
    garbage,
    in_turn,
    once_seen,
    say,
    stall,
)

IN_TURN = [each for each in EXTENSIONS if each != "PIPELINING"]
both_ways = pytest.mark.parametrize("extensions", [EXTENSIONS, IN_TURN], ids=["pipelined", "turn"])
every_way = pytest.mark.parametrize(
    "extensions", [EXTENSIONS, IN_TURN, CHUNKED], ids=["pipelined", "turn", "chunked"]
)


def connect(server: ScriptedServer) -> Connection:
    connection = Connection(endpoint(server))
    assert connection.open() is None
    return connection


def deliver(server: ScriptedServer, *recipients: str) -> list[Outcome]:
    connection = connect(server)
    outcomes = connection.send(SENDER, recipients or (ONE, TWO, THREE), MESSAGE, yes)
    connection.quit()
    return list(outcomes.values())


def kinds(outcomes: list[Outcome]) -> list[str]:
    return [outcome.kind.value for outcome in outcomes]


@every_way
def test_refused_recipient_bounces_alone(extensions: list[str]) -> None:
    with ScriptedServer(extensions=extensions) as server:
        server.on("rcpt", say("550 5.1.1 no such user"), nth=2)
        outcomes = deliver(server)
        assert kinds(outcomes) == ["delivered", "bounced", "delivered"]
        assert outcomes[1].status == "5.1.1"
        assert outcomes[1].phase is Phase.RCPT
        assert server.messages[0].recipients == [ONE, THREE]
        assert server.messages[0].data == MESSAGE


@both_ways
@pytest.mark.parametrize(
    ("step", "reply", "expected"),
    [
        ("data", "451 4.3.0 later", ["deferred", "bounced", "deferred"]),
        ("data", "554 5.7.1 never", ["bounced", "bounced", "bounced"]),
        ("dot", "452 4.3.1 later", ["deferred", "bounced", "deferred"]),
        ("dot", "550 5.7.1 spam", ["bounced", "bounced", "bounced"]),
    ],
)
def test_accepted_recipients_share_what_becomes_of_the_mail(
    step: str, reply: str, expected: list[str], extensions: list[str]
) -> None:
    with ScriptedServer(extensions=extensions) as server:
        server.on("rcpt", say("550 5.1.1 no such user"), nth=2).on(step, say(reply))
        outcomes = deliver(server)
        assert kinds(outcomes) == expected
        assert [str(outcome.reply) for outcome in outcomes] == [
            reply,
            "550 5.1.1 no such user",
            reply,
        ]


@every_way
def test_421_at_the_second_recipient_delivers_none_and_keeps_the_refusal(
    extensions: list[str],
) -> None:
    with ScriptedServer(extensions=extensions) as server:
        server.on("rcpt", say("550 5.1.1 no such user"), nth=1)
        server.on("rcpt", in_turn(say("421 4.3.2 shutting down"), drop), nth=3)
        outcomes = deliver(server)
        assert kinds(outcomes) == ["bounced", "deferred", "deferred"]
        assert outcomes[1].reply is not None
        assert outcomes[1].reply.code == 421
        assert server.messages == []


@both_ways
@pytest.mark.parametrize("step", ["mail", "rcpt", "data", "dot"])
def test_421_ends_the_connection_without_ambiguity(step: str, extensions: list[str]) -> None:
    with ScriptedServer(extensions=extensions) as server:
        server.on(step, say("421 4.3.2 shutting down"))
        connection = connect(server)
        outcome = connection.send(SENDER, [ONE], MESSAGE, yes)[ONE]
        assert (outcome.kind, outcome.ambiguous) == (OutcomeKind.DEFERRED, False)
        assert not connection.is_open


@every_way
def test_connection_lost_between_recipients_defers_those_without_an_answer(
    extensions: list[str],
) -> None:
    with ScriptedServer(extensions=extensions) as server:
        server.on("rcpt", say("550 5.1.1 no such user"), nth=1).on("rcpt", drop, nth=2)
        assert kinds(deliver(server)) == ["bounced", "deferred", "deferred"]


@pytest.mark.parametrize(
    ("action", "kind", "ambiguous"),
    [
        (in_turn(say("250 2.0.0 ok"), drop), "delivered", False),
        (drop, "deferred", True),
        (in_turn(lambda peer: peer.send(b"250-2.0.0 half an ans"), drop), "deferred", True),
        (garbage, "deferred", True),
        (say("354 go on"), "deferred", True),
        (say("250-ok", "550 not ok"), "deferred", True),
    ],
    ids=["answered then lost", "lost", "half an answer", "garbage", "not final", "mixed codes"],
)
def test_only_a_whole_answer_to_the_dot_settles(action: Action, kind: str, ambiguous: bool) -> None:
    with ScriptedServer() as server:
        server.on("dot", action)
        (outcome,) = deliver(server, ONE)
        assert (outcome.kind, outcome.ambiguous) == (kind, ambiguous)
        assert outcome.phase is Phase.DOT


@pytest.mark.parametrize("message", [MESSAGE, LARGE], ids=["small", "large"])
@both_ways
def test_answer_before_the_dot_is_no_verdict(message: bytes, extensions: list[str]) -> None:
    with ScriptedServer(extensions=extensions) as server:
        server.on("data", say("354 go on", "250 2.0.0 early")).on("dot", say("550 5.7.1 no"))
        outcome = connect(server).send(SENDER, [ONE], message, yes)[ONE]
        assert (outcome.kind, outcome.phase, outcome.ambiguous) == ("deferred", Phase.BODY, False)
        assert not server.messages


@pytest.mark.parametrize("ending", [drop, stall])
@pytest.mark.parametrize(
    ("reply", "kind"), [("552 5.3.4 too big", "bounced"), ("452 4.3.1 disk full", "deferred")]
)
def test_refusal_halfway_through_a_big_mail_is_heard(reply: str, kind: str, ending: Action) -> None:
    with ScriptedServer() as server:
        server.on("body", in_turn(say(reply), ending))
        connection = Connection(endpoint(server, timeouts=timeouts(data_block=0.2)))
        connection.open()
        outcome = connection.send(SENDER, [ONE], BIG, yes)[ONE]
        assert (outcome.kind, outcome.phase, str(outcome.reply)) == (kind, Phase.BODY, reply)


@pytest.mark.parametrize("action", [drop, garbage, say("500 what?"), say("421 no")])
def test_failing_quit_changes_nothing(action: Action) -> None:
    with ScriptedServer() as server:
        server.on("quit", action)
        assert kinds(deliver(server, ONE)) == ["delivered"]


def test_pipelining_sends_mail_rcpt_and_data_in_one_go() -> None:
    with ScriptedServer() as server:
        server.on("mail", once_seen(b"DATA\r\n", say("250 ok")))
        assert kinds(deliver(server)) == ["delivered"] * 3


def test_without_pipelining_each_command_waits_for_its_answer() -> None:
    early: list[bytes] = []
    with ScriptedServer(extensions=IN_TURN) as server:
        for step in ("mail", "rcpt", "data"):
            server.on(step, lambda peer: (early.append(peer.buffer), peer.say("250 ok"))[0])
        server.on("data", lambda peer: (early.append(peer.buffer), peer.say("354 ok"))[0])
        assert kinds(deliver(server)) == ["delivered"] * 3
    assert early == [b""] * 5


@pytest.mark.parametrize("reply", ["250 2.0.0 nothing sent", "554 5.5.1 no recipients"])
def test_data_taken_without_recipients_gets_a_lone_dot(reply: str) -> None:
    with ScriptedServer() as server:
        server.on("rcpt", say("550 5.1.1 no"), nth=1).on("rcpt", say("450 4.2.1 no"), nth=2)
        server.on("data", say("354 go ahead"), nth=1).on("dot", say(reply), nth=1)
        connection = connect(server)
        outcomes = connection.send(SENDER, [ONE, TWO], MESSAGE, yes)
        assert kinds(list(outcomes.values())) == ["bounced", "deferred"]
        assert [message.data for message in server.messages] in ([], [b""])
        assert connection.is_reusable()
        assert connection.send(SENDER, [ONE], MESSAGE, yes)[ONE].kind is OutcomeKind.DELIVERED


def test_lone_dot_is_withheld_where_it_would_deliver_an_empty_mail() -> None:
    with ScriptedServer() as server:
        server.on("mail", say("550 5.7.1 no")).on("rcpt", say("250 ok")).on("data", say("354 ok"))
        assert kinds(deliver(server, ONE)) == ["bounced"]
        assert server.messages == []


@pytest.mark.parametrize(
    ("step", "reply"), [("mail", "354 x"), ("rcpt", "334 x"), ("data", "250 x")]
)
def test_answer_of_the_wrong_kind_defers_and_ends_the_connection(step: str, reply: str) -> None:
    with ScriptedServer() as server:
        server.on(step, say(reply))
        connection = connect(server)
        outcome = connection.send(SENDER, [ONE], MESSAGE, yes)[ONE]
        assert (outcome.kind, outcome.phase, outcome.ambiguous) == ("deferred", step, False)
        assert not connection.is_open


def test_recipient_named_twice_is_sent_once() -> None:
    with ScriptedServer() as server:
        assert kinds(deliver(server, ONE, ONE)) == ["delivered"]
        assert server.messages[0].recipients == [ONE]


def test_null_sender_is_an_empty_path() -> None:
    with ScriptedServer() as server:
        connect(server).send("", [ONE], MESSAGE, yes)
        assert server.seen("MAIL")[0].startswith("MAIL FROM:<> ")


def test_outcome_names_host_and_duration() -> None:
    with ScriptedServer() as server:
        (outcome,) = deliver(server, ONE)
        assert outcome.host == f"127.0.0.1:{server.port}"
        assert outcome.detail == "250 2.0.0 accepted"
        assert outcome.tls is None
        assert 0 < outcome.duration < 60
