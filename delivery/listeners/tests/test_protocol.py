"""What a listener holds against those who speak another SMTP, or too much, or too slowly."""

from __future__ import annotations

import gc
import random
import socket
import ssl
import time
from pathlib import Path

import pytest

from delivery.listeners.certificate import Certificate
from delivery.listeners.inbound import InboundConversation
from delivery.listeners.tests.conftest import listening
from delivery.listeners.tests.dialogue import Client, deliver, to_data
from delivery.models import InboundMessage
from delivery.smtp.tests.certificates import make_certificate
from delivery.smtp.tests.returned import away
from delivery.smtp.tests.test_incoming import NON_STANDARD_ENDS

pytestmark = pytest.mark.django_db(transaction=True)

ADDRESS = "abuse@mail.example.test"


@pytest.fixture
def server():
    with listening() as server:
        yield server


def takes_mail(server) -> bool:
    answer = deliver(server, ADDRESS, away(fields=""))
    return answer.startswith(b"250") or pytest.fail(repr(answer))


# --- Lines, and the end of a message ---


@pytest.mark.parametrize("end", NON_STANDARD_ENDS)
def test_smuggled_mail_is_refused_with_what_hides_it(server, end) -> None:
    smuggled = b"MAIL FROM:<>\r\nRCPT TO:<%s>\r\nDATA\r\nSubject: 2\r\n\r\nx" % ADDRESS.encode()
    with to_data(server, ADDRESS) as client:
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
        client.command("EHLO x", "MAIL FROM:<>", f"RCPT TO:<{ADDRESS}>")
        assert client.say(b"DATA\r\nSubject: x\r\n\r\n.\r\n").startswith(b"503 5.5.1")
        assert client.is_closed()
    assert not InboundMessage.objects.exists()


def test_commands_that_follow_a_message_are_answered_in_turn(server) -> None:
    with to_data(server, ADDRESS) as client:
        assert client.say(b"Subject: x\r\n\r\n.\r\nNOOP\r\nQUIT\r\n").startswith(b"250 2.0.0")
        assert client.read().startswith(b"250")
        assert client.read().startswith(b"221")


def test_line_that_is_too_long_is_refused_and_the_next_command_taken(server) -> None:
    with Client(server) as client:
        assert client.say(b"NOOP " + b"x" * 100_000 + b"\r\n").startswith(b"500")
        assert client.command("NOOP").startswith(b"250")
        client.command("EHLO x", "MAIL FROM:<>", f"RCPT TO:<{ADDRESS}>", "DATA")
        assert client.say(b"x" * 20_000 + b"\r\n.\r\n").startswith(b"554 5.6.0 a line")
        assert client.command("NOOP").startswith(b"250")


def test_dots_are_taken_off_and_the_message_is_kept_byte_for_byte(server) -> None:
    content = b"Subject: dots\r\n\r\n.one\r\n..two\r\n \r\n\xff\xfe\r\n"
    assert deliver(server, ADDRESS, content).startswith(b"250")
    assert bytes(InboundMessage.objects.get().content) == content


def test_commands_out_of_order_are_refused(server) -> None:
    with Client(server) as client:
        assert client.command("MAIL FROM:<>").startswith(b"503")
        assert client.command("EHLO x", "DATA").startswith(b"503")
        assert client.command(f"RCPT TO:<{ADDRESS}>").startswith(b"503")
        assert client.command("MAIL FROM:<>", "MAIL FROM:<>").startswith(b"503")
        assert client.command("MAIL FROM: no brackets").startswith(b"5")
        assert client.command("RSET", "DATA").startswith(b"503")


# --- How much, and how fast ---


def test_message_that_is_too_large_is_refused() -> None:
    with listening(message_bytes=50_000) as server:
        with Client(server) as client:
            assert b"SIZE 50000" in client.command("EHLO x")
            assert client.command("MAIL FROM:<> SIZE=50001").startswith(b"552")
        line = b"x" * 70 + b"\r\n"
        assert deliver(server, ADDRESS, line * 1000).startswith(b"552 5.3.4")
        assert takes_mail(server)


def test_message_without_an_end_is_cut_off() -> None:
    with listening(message_bytes=50_000) as server, to_data(server, ADDRESS) as client:
        line = b"x" * 70 + b"\r\n"
        try:
            for _ in range(100_000):
                client.socket.sendall(line * 100)
        except (BrokenPipeError, ConnectionResetError):
            return
        raise AssertionError("it was all taken")


def test_no_more_connections_of_one_address_than_allowed() -> None:
    with listening(connections_per_address=3) as server:
        clients = [Client(server) for _ in range(3)]
        with Client(server, greeted=False) as fourth:
            assert fourth.read().startswith(b"421 4.7.0")
            assert fourth.is_closed()
        elsewhere = socket.create_connection(server.address, source_address=("127.0.0.9", 0))
        assert elsewhere.recv(100).startswith(b"220")
        elsewhere.close()
        clients.pop().__exit__(None, None, None)
        _eventually(lambda: server.doorman.connections == 2)
        with Client(server) as again:
            assert again.command("NOOP").startswith(b"250")
        for client in clients:
            client.__exit__(None, None, None)


def test_no_more_connections_in_total_than_allowed() -> None:
    with (
        listening(connections=2) as server,
        Client(server),
        Client(server),
        Client(server, greeted=False) as third,
    ):
        assert third.read().startswith(b"421 4.7.0")


def test_no_more_mails_of_one_address_in_a_minute_than_allowed() -> None:
    with listening(mails_per_minute=2) as server:
        assert takes_mail(server)
        assert takes_mail(server)
        with Client(server) as client:
            assert client.command("EHLO x", "MAIL FROM:<>").startswith(b"451 4.7.1")


def test_no_more_commands_than_allowed() -> None:
    with listening(commands=5) as server, Client(server) as client:
        replies = [client.command("NOOP") for _ in range(6)]
        assert replies[-1].startswith(b"421 4.7.0")
        assert client.is_closed()


@pytest.mark.parametrize("before", [[], ["EHLO x"], ["EHLO x", "MAIL FROM:<>"]])
def test_who_says_nothing_more_is_sent_away(before) -> None:
    with listening(idle=0.2) as server, Client(server) as client:
        for word in before:
            client.command(word)
        assert client.read().startswith(b"421 4.4.2")
        assert client.is_closed()


def test_who_sends_a_message_byte_by_byte_has_no_more_than_its_time() -> None:
    with listening(idle=0.3, message=1.0) as server, to_data(server, ADDRESS) as client:
        client.socket.settimeout(0.05)
        for _ in range(400):
            try:
                client.socket.sendall(b"x")
                if client.socket.recv(100).startswith(b"421 4.4.2"):
                    break
            except TimeoutError:
                continue
        else:
            raise AssertionError("it went on and on")
        assert server.doorman.connections <= 1


def test_who_does_not_read_is_cut_off(monkeypatch) -> None:
    monkeypatch.setattr("delivery.listeners.protocol.GOODBYE_SECONDS", 0.2)
    with listening(idle=0.5, commands=10**9) as server:
        with Client(server) as client:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.socket.settimeout(0.3)
            try:
                while True:
                    client.socket.sendall(b"HELP\r\n" * 5000)
            except (TimeoutError, OSError):
                pass
            _eventually(lambda: server.doorman.connections == 0)
        assert takes_mail(server)


# --- TLS ---


def test_starttls_is_offered_once_and_forgets_what_was_said(tmp_path) -> None:
    made = make_certificate(tmp_path, "127.0.0.1")
    with listening(certificate=Certificate(Path(made.chain), Path(made.key))) as server:
        with Client(server) as client:
            assert b"STARTTLS" in client.command("EHLO x")
            client.command("MAIL FROM:<>")
            assert client.say(b"STARTTLS\r\nNOOP\r\n").startswith(b"220")
            context = ssl.create_default_context(cafile=made.chain)
            client.socket = context.wrap_socket(client.socket, server_hostname="127.0.0.1")
            client.file = client.socket.makefile("rb")
            assert client.command(f"RCPT TO:<{ADDRESS}>").startswith(b"503")
            assert b"STARTTLS" not in client.command("EHLO x")
            assert client.command("STARTTLS").startswith(b"503")
            client.command("MAIL FROM:<>", f"RCPT TO:<{ADDRESS}>", "DATA")
            assert client.say(away(fields="") + b".\r\n").startswith(b"250")
            assert client.command("QUIT").startswith(b"221")
        _eventually(lambda: server.doorman.connections == 0)


def test_broken_handshake_ends_one_connection_alone(tmp_path) -> None:
    made = make_certificate(tmp_path, "127.0.0.1")
    with listening(certificate=Certificate(Path(made.chain), Path(made.key))) as server:
        for rubbish in (b"NOOP\r\n", b"\x16\x03\x01\xff\xff" + b"\0" * 500, b""):
            with Client(server) as client:
                client.command("EHLO x", "STARTTLS")
                client.socket.sendall(rubbish)
                client.socket.shutdown(socket.SHUT_WR)
                assert client.is_closed()
        _eventually(lambda: server.doorman.connections == 0)
        assert takes_mail(server)


# --- Rubbish ---


def test_random_bytes_neither_end_nor_fill_it() -> None:
    with listening(connections=300, connections_per_address=300) as server:
        _say_rubbish(server)
        _eventually(lambda: server.doorman.connections == 0)
        assert len(server.conversations) == 0
        gc.collect()
        kept = [each for each in gc.get_objects() if type(each) is InboundConversation]
        assert len(kept) < 5  # of the last ones; not one for each of 150
        assert server.alive()
        assert takes_mail(server)


def _say_rubbish(server) -> None:
    chance = random.Random(20261124)
    words = [
        b"EHLO x\r\n",
        b"MAIL FROM:<>\r\n",
        b"RCPT TO:<%s>\r\n" % ADDRESS.encode(),
        b"DATA\r\n",
    ]
    words += [b"\r\n.\r\n", b"AUTH ", b"MAIL FROM:<", b"RCPT TO:", b"\xff\xfb", b"BDAT 9 LAST\r\n"]
    for _ in range(150):
        with Client(server, greeted=chance.random() < 0.8) as client:
            for _ in range(chance.randrange(1, 12)):
                said = chance.choice([*words, chance.randbytes(chance.randrange(1, 3000))])
                try:
                    client.socket.sendall(said)
                except OSError:
                    break


def test_mail_that_broke_off_is_not_taken(server) -> None:
    for part in (b"", b"Subject: x\r\n\r\nHal", b"Subject: x\r\n\r\nHello\r\n."):
        with to_data(server, ADDRESS) as client:
            client.socket.sendall(part)
    _eventually(lambda: server.doorman.connections == 0)
    assert not InboundMessage.objects.exists()


# --- The end ---


def test_mail_that_is_being_received_is_taken_at_the_end_and_others_are_sent_away() -> None:
    with listening() as server:
        idle, busy = Client(server), to_data(server, ADDRESS)
        busy.socket.sendall(b"Subject: x\r\n\r\n")
        time.sleep(0.1)
        import threading

        stopping = threading.Thread(target=server.stop, args=[20])
        stopping.start()
        assert idle.read().startswith(b"421 4.3.2")
        assert busy.say(b"Hello\r\n.\r\n").startswith(b"250")
        assert busy.read().startswith(b"421 4.3.2")
        assert busy.is_closed()
        stopping.join(20)
        assert not stopping.is_alive()
        with pytest.raises(ConnectionRefusedError):
            Client(server)
    assert InboundMessage.objects.count() == 1


def test_mail_that_does_not_end_is_cut_at_the_end() -> None:
    with listening() as server:
        client = to_data(server, ADDRESS)
        server.stop(0.1)
        assert client.is_closed()


def _eventually(condition) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
