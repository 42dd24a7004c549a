"""A listener under TLS, under rubbish, and at its end."""

from __future__ import annotations

import gc
import random
import socket
import ssl
import threading
import time
from pathlib import Path

import pytest

from delivery.listeners.certificate import Certificate
from delivery.listeners.inbound import InboundConversation
from delivery.listeners.tests.conftest import listening
from delivery.listeners.tests.dialogue import ROLE, Client, eventually, takes_mail, to_data
from delivery.models import InboundMessage
from delivery.smtp.tests.certificates import make_certificate
from delivery.smtp.tests.returned import away

pytestmark = pytest.mark.django_db(transaction=True)


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
            assert client.command(f"RCPT TO:<{ROLE}>").startswith(b"503")
            assert b"STARTTLS" not in client.command("EHLO x")
            assert client.command("STARTTLS").startswith(b"503")
            client.command("MAIL FROM:<>", f"RCPT TO:<{ROLE}>", "DATA")
            assert client.say(away(fields="") + b".\r\n").startswith(b"250")
            assert client.command("QUIT").startswith(b"221")
        eventually(lambda: server.doorman.connections == 0)


def test_broken_handshake_ends_one_connection_alone(tmp_path) -> None:
    made = make_certificate(tmp_path, "127.0.0.1")
    with listening(certificate=Certificate(Path(made.chain), Path(made.key))) as server:
        for rubbish in (b"NOOP\r\n", b"\x16\x03\x01\xff\xff" + b"\0" * 500, b""):
            with Client(server) as client:
                client.command("EHLO x", "STARTTLS")
                client.socket.sendall(rubbish)
                client.socket.shutdown(socket.SHUT_WR)
                assert client.is_closed()
        eventually(lambda: server.doorman.connections == 0)
        assert takes_mail(server)


# --- Rubbish ---


def test_random_bytes_neither_end_nor_fill_it() -> None:
    with listening(connections=300, connections_per_address=300) as server:
        _say_rubbish(server)
        eventually(lambda: server.doorman.connections == 0)
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
        b"RCPT TO:<%s>\r\n" % ROLE.encode(),
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
        with to_data(server, ROLE) as client:
            client.socket.sendall(part)
    eventually(lambda: server.doorman.connections == 0)
    assert not InboundMessage.objects.exists()


# --- The end ---


def test_mail_that_is_being_received_is_taken_at_the_end_and_others_are_sent_away() -> None:
    with listening() as server:
        idle, busy = Client(server), to_data(server, ROLE)
        busy.socket.sendall(b"Subject: x\r\n\r\n")
        time.sleep(0.1)
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


def test_who_sent_a_mail_that_is_refused_is_sent_away_at_the_end_too() -> None:
    with listening(message_bytes=10_000) as server:
        busy = to_data(server, ROLE)
        busy.socket.sendall(b"Subject: x\r\n\r\n")
        stopping = threading.Thread(target=server.stop, args=[600])
        stopping.start()
        eventually(lambda: all(each._leaving for each in server.conversations))
        assert busy.say(b"Hello\r\n" * 10_000 + b".\r\n").startswith(b"552")
        assert busy.read().startswith(b"421 4.3.2")
        stopping.join(20)
        assert not stopping.is_alive()


def test_mail_that_does_not_end_is_cut_at_the_end() -> None:
    with listening() as server:
        client = to_data(server, ROLE)
        server.stop(0.1)
        assert client.is_closed()
