"""What a server offers is used, and what it does not offer is not asked of it."""

from __future__ import annotations

import pytest

from delivery.smtp import Connection, Outcome, Reply
from delivery.smtp.extensions import Extensions

from .factories import MESSAGE, ONE, SENDER, TWO, endpoint, yes
from .scripted import ScriptedServer, say

EIGHT_BIT = b"Subject: hi\r\n\r\n\xc3\xa4\r\n"
UTF8_HEADER = b"Subject: \xc3\xa4\r\n\r\nhi\r\n"
UMLAUT = "\u00fcser@example.net"
ALL = ("PIPELINING", "SIZE 1000", "8BITMIME", "SMTPUTF8")


def send(
    server: ScriptedServer, sender: str, recipients: list[str], message: bytes
) -> list[Outcome]:
    connection = Connection(endpoint(server))
    assert connection.open() is None
    outcomes = connection.send(sender, recipients, message, yes)
    connection.quit()
    return list(outcomes.values())


def parameters(offers: tuple[str, ...], sender: str, recipient: str, message: bytes) -> list[str]:
    with ScriptedServer(extensions=offers) as server:
        assert send(server, sender, [recipient], message)[0].kind == "delivered"
        return server.messages[0].parameters


@pytest.mark.parametrize(
    ("offers", "sender", "recipient", "message", "expected"),
    [
        ((), SENDER, ONE, MESSAGE, []),
        (ALL, SENDER, ONE, MESSAGE, [f"SIZE={len(MESSAGE)}"]),
        (("SIZE",), SENDER, ONE, MESSAGE, [f"SIZE={len(MESSAGE)}"]),
        (("8BITMIME",), SENDER, ONE, MESSAGE, []),
        (("8BITMIME",), SENDER, ONE, EIGHT_BIT, ["BODY=8BITMIME"]),
        (("8BITMIME", "SMTPUTF8"), SENDER, ONE, EIGHT_BIT, ["BODY=8BITMIME"]),
        (("SMTPUTF8",), SENDER, UMLAUT, MESSAGE, ["SMTPUTF8"]),
        (("SMTPUTF8",), UMLAUT, ONE, MESSAGE, ["SMTPUTF8"]),
        (("8BITMIME", "SMTPUTF8"), SENDER, ONE, UTF8_HEADER, ["BODY=8BITMIME", "SMTPUTF8"]),
        ((), SENDER, "user@b\u00fccher.example", MESSAGE, []),
    ],
)
def test_mail_has_the_parameters_it_needs(
    offers: tuple[str, ...], sender: str, recipient: str, message: bytes, expected: list[str]
) -> None:
    assert parameters(offers, sender, recipient, message) == expected


@pytest.mark.parametrize(
    ("offers", "sender", "message", "status"),
    [
        (("SIZE 20", "8BITMIME"), SENDER, MESSAGE, "5.3.4"),
        (("SMTPUTF8",), SENDER, EIGHT_BIT, "5.6.3"),
        (("8BITMIME",), SENDER, UTF8_HEADER, "5.6.9"),
        (("8BITMIME",), UMLAUT, MESSAGE, "5.6.7"),
    ],
)
def test_mail_the_server_cannot_take_bounces_unsent(
    offers: tuple[str, ...], sender: str, message: bytes, status: str
) -> None:
    with ScriptedServer(extensions=offers) as server:
        outcomes = send(server, sender, [ONE, TWO], message)
        assert [(each.kind, each.status, each.reply) for each in outcomes] == [
            ("bounced", status, None)
        ] * 2
        assert status in outcomes[0].detail
        assert server.seen("MAIL") == []


@pytest.mark.parametrize("offers", [(), ("PIPELINING",)])
def test_recipient_that_needs_smtputf8_bounces_alone(offers: tuple[str, ...]) -> None:
    with ScriptedServer(extensions=offers) as server:
        first, second = send(server, SENDER, [UMLAUT, ONE], MESSAGE)
        assert (first.kind, first.status, first.phase) == ("bounced", "5.6.7", "rcpt")
        assert second.kind == "delivered"
        assert server.messages[0].recipients == [ONE]


def test_unsent_mail_leaves_the_connection_as_it_was() -> None:
    with ScriptedServer(extensions=("SIZE 20",)) as server:
        connection = Connection(endpoint(server))
        connection.open()
        connection.send(SENDER, [ONE], MESSAGE, yes)
        assert connection.is_reusable()
        assert server.seen("RSET") == []
        assert connection.send(SENDER, [ONE], b"a: b\r\n", yes)[ONE].kind == "delivered"


def test_limit_is_inclusive_and_counts_before_stuffing() -> None:
    message = b"a: b\r\n\r\n" + b".\r\n" * 4
    with ScriptedServer(extensions=(f"SIZE {len(message)}",)) as server:
        assert send(server, SENDER, [ONE], message)[0].kind == "delivered"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hi\nPIPELINING\n8bitmime", Extensions(pipelining=True, eight_bit_mime=True)),
        ("hi\nSIZE", Extensions(sizes=True)),
        ("hi\nSIZE 0", Extensions(sizes=True)),
        ("hi\nSIZE 10", Extensions(sizes=True, size=10)),
        ("hi\nSIZE ten", Extensions(sizes=True)),
        ("hi\nSIZE -1", Extensions(sizes=True)),
        ("hi\nSIZE " + "9" * 5000, Extensions(sizes=True)),
        ("hi\nAUTH PLAIN login\nAUTH=X", Extensions(auth=frozenset({"PLAIN", "LOGIN", "X"}))),
        ("hi\nSTARTTLS\nSMTPUTF8", Extensions(starttls=True, smtputf8=True)),
        ("hi\nENHANCEDSTATUSCODES", Extensions(enhanced_status_codes=True)),
        ("PIPELINING\n\nXPIPELINING 8BITMIME", Extensions()),
    ],
)
def test_offers_are_read(text: str, expected: Extensions) -> None:
    assert Extensions.parse(Reply(250, None, text)) == expected


@pytest.mark.parametrize("refusal", ["500 5.5.2 what?", "502 no", "504 no", "550 no"])
def test_server_without_ehlo_is_spoken_to_in_helo(refusal: str) -> None:
    with ScriptedServer() as server:
        server.on("ehlo", say(refusal))
        assert send(server, SENDER, [ONE], MESSAGE)[0].kind == "delivered"
        assert server.seen("HELO") == ["HELO client.example"]
        assert server.messages[0].parameters == []


@pytest.mark.parametrize("refusal", ["450 later", "550 5.7.1 never you"])
def test_refused_helo_defers(refusal: str) -> None:
    with ScriptedServer() as server:
        server.on("ehlo", say("502 no")).on("helo", say(refusal))
        failure = Connection(endpoint(server)).open()
        assert failure is not None
        assert (failure.kind, failure.phase) == ("deferred", "ehlo")
