"""Postfix and smtp-sink read what we send, by DATA and by BDAT, as it was."""

from __future__ import annotations

import os
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from delivery.smtp import Connection, Endpoint, Session, transfer

from .factories import LARGE, SENDER, timeouts, yes
from .postfix import INBOX, MailServer, Postfix, SmtpSink
from .test_data import canonical, messages

# Only root can start Postfix: for others this is a program that they do not have.
POSTFIX = "postfix" if os.geteuid() == 0 else "postfix, started by root"
blocks = st.integers(1, 40) | st.just(transfer.BLOCK)


@pytest.fixture(scope="module")
def smtp_sink() -> Iterator[MailServer]:
    with SmtpSink() as server:
        yield server


@pytest.fixture(scope="module")
def postfix() -> Iterator[MailServer]:
    with Postfix() as server:
        yield server


def assert_kept(server: MailServer, several: list[bytes], block: int, *, chunking: bool) -> None:
    """Send these bodies over one connection, parted at `block` bytes, and see what arrived."""
    sent = [b"n: %d\r\n\r\n" % number + body for number, body in enumerate(several)]
    terms = {"helo_name": "client.example", "timeouts": timeouts(), "chunking": chunking}
    connection = Connection(Endpoint("127.0.0.1", server.port, **terms))  # type: ignore[arg-type]
    assert connection.open() is None
    assert connection.sends_chunks is chunking
    with patch.object(transfer, "BLOCK", block):
        for message in sent:
            assert connection.send(SENDER, [INBOX], message, yes)[INBOX].kind == "delivered"
    connection.quit()
    kept = {message.replace(b"\n", b"\r\n") for message in server.received(len(sent))}
    assert kept == {canonical(message) for message in sent}


def oracle(test: object) -> object:
    slow = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
    given_any = given(several=st.lists(messages, min_size=1, max_size=8), block=blocks)
    return settings(deadline=None, max_examples=40, suppress_health_check=slow)(given_any(test))


@pytest.mark.program("smtp-sink")
@oracle
def test_smtp_sink_keeps_every_message(
    smtp_sink: MailServer, several: list[bytes], block: int
) -> None:
    assert_kept(smtp_sink, several, block, chunking=False)


@pytest.mark.program(POSTFIX)
@oracle
def test_postfix_keeps_every_message_by_data(
    postfix: MailServer, several: list[bytes], block: int
) -> None:
    assert_kept(postfix, several, block, chunking=False)


@pytest.mark.program(POSTFIX)
@oracle
def test_postfix_keeps_every_message_by_bdat(
    postfix: MailServer, several: list[bytes], block: int
) -> None:
    assert_kept(postfix, several, block, chunking=True)


@pytest.mark.program("smtp-sink")
def test_smtp_sink_keeps_a_large_message(smtp_sink: MailServer) -> None:
    assert_kept(smtp_sink, [LARGE], transfer.BLOCK, chunking=False)


@pytest.mark.program(POSTFIX)
@pytest.mark.parametrize("chunking", [False, True], ids=["data", "bdat"])
def test_postfix_keeps_a_large_message(postfix: MailServer, chunking: bool) -> None:
    assert_kept(postfix, [LARGE], transfer.BLOCK, chunking=chunking)


@pytest.mark.program(POSTFIX)
@pytest.mark.parametrize("chunking", [False, True], ids=["data", "bdat"])
def test_postfix_refuses_one_of_two_recipients(postfix: MailServer, chunking: bool) -> None:
    terms = {"helo_name": "client.example", "timeouts": timeouts(), "chunking": chunking}
    session = Session(Endpoint("127.0.0.1", postfix.port, **terms))  # type: ignore[arg-type]
    stranger = "user@elsewhere.example"
    alone = session.send(SENDER, [stranger], b"a: b\r\n\r\n", yes)
    both = session.send(SENDER, [stranger, INBOX], b"a: b\r\n\r\nhi\r\n", yes)
    session.close()
    assert [alone[stranger].kind, both[stranger].kind] == ["bounced", "bounced"]
    assert [alone[stranger].phase, both[stranger].phase] == ["rcpt", "rcpt"]
    assert both[INBOX].kind == "delivered"
    assert postfix.received(1) == {b"a: b\n\nhi\n"}
