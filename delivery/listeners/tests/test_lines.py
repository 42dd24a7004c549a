"""Lines and the end of a message: nothing but what RFC 5321 says, so that nothing is smuggled."""

from __future__ import annotations

import pytest

from delivery.listeners.tests.conftest import listening
from delivery.listeners.tests.dialogue import ROLE, Client, deliver, takes_mail, to_data
from delivery.models import InboundMessage
from delivery.smtp.tests.test_incoming import NON_STANDARD_ENDS

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("end", NON_STANDARD_ENDS)
def test_smuggled_mail_is_refused_with_what_hides_it(server, end) -> None:
    smuggled = b"MAIL FROM:<>\r\nRCPT TO:<%s>\r\nDATA\r\nSubject: 2\r\n\r\nx" % ROLE.encode()
    with to_data(server, ROLE) as client:
        reply = client.say(b"Subject: 1\r\n\r\nHello" + end + smuggled + b"\r\n.\r\n")
        assert reply.startswith(b"554 5.6.0 bare CR")
        assert client.is_closed()
    assert not InboundMessage.objects.exists()
    assert takes_mail(server)


@pytest.mark.parametrize(
    "line", [b"NOOP\n", b"NOOP\r", b"NO\0OP\r\n", b"NO\rOP\r\n", b"\n", b"\r\r\n"]
)
def test_commands_end_in_crlf_alone(server, line) -> None:
    with Client(server) as client:
        assert client.say(line + b"\r\nNOOP\r\n").startswith(b"500 5.5.2")
        assert client.is_closed()
    assert takes_mail(server)


def test_who_speaks_before_the_greeting_is_sent_away() -> None:
    with listening(greeting_pause=0.5) as server, Client(server, greeted=False) as client:
        assert client.say(b"EHLO x\r\n").startswith(b"554 5.5.1")
        assert client.is_closed()


def test_who_sends_the_message_before_the_answer_to_data_is_sent_away(server) -> None:
    with Client(server) as client:
        client.command("EHLO x", "MAIL FROM:<>", f"RCPT TO:<{ROLE}>")
        assert client.say(b"DATA\r\nSubject: x\r\n\r\n.\r\n").startswith(b"503 5.5.1")
        assert client.is_closed()
    assert not InboundMessage.objects.exists()


def test_commands_that_follow_a_message_are_answered_in_turn(server) -> None:
    with to_data(server, ROLE) as client:
        assert client.say(b"Subject: x\r\n\r\n.\r\nNOOP\r\nQUIT\r\n").startswith(b"250 2.0.0")
        assert client.read().startswith(b"250")
        assert client.read().startswith(b"221")


def test_line_that_is_too_long_is_refused_and_the_next_command_taken(server) -> None:
    with Client(server) as client:
        assert client.say(b"NOOP " + b"x" * 100_000 + b"\r\n").startswith(b"500")
        assert client.command("NOOP").startswith(b"250")
        client.command("EHLO x", "MAIL FROM:<>", f"RCPT TO:<{ROLE}>", "DATA")
        assert client.say(b"x" * 20_000 + b"\r\n.\r\n").startswith(b"554 5.6.0 a line")
        assert client.command("NOOP").startswith(b"250")


def test_dots_are_taken_off_and_the_message_is_kept_byte_for_byte(server) -> None:
    content = b"Subject: dots\r\n\r\n.one\r\n..two\r\n \r\n\xff\xfe\r\n"
    assert deliver(server, ROLE, content).startswith(b"250")
    assert bytes(InboundMessage.objects.get().content) == content


def test_commands_out_of_order_are_refused(server) -> None:
    with Client(server) as client:
        assert client.command("MAIL FROM:<>").startswith(b"503")
        assert client.command("EHLO x", "DATA").startswith(b"503")
        assert client.command(f"RCPT TO:<{ROLE}>").startswith(b"503")
        assert client.command("MAIL FROM:<>", "MAIL FROM:<>").startswith(b"503")
        assert client.command("MAIL FROM: no brackets").startswith(b"5")
        assert client.command("RSET", "DATA").startswith(b"503")
