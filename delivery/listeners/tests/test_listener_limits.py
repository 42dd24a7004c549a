"""How much a listener takes of one address and of all, and how slowly."""

from __future__ import annotations

import socket

import pytest

from delivery.listeners.tests.conftest import listening
from delivery.listeners.tests.dialogue import ROLE, Client, deliver, eventually, takes_mail, to_data

pytestmark = pytest.mark.django_db(transaction=True)


def test_message_that_is_too_large_is_refused() -> None:
    with listening(message_bytes=50_000) as server:
        with Client(server) as client:
            assert b"SIZE 50000" in client.command("EHLO x")
            assert client.command("MAIL FROM:<> SIZE=50001").startswith(b"552")
        line = b"x" * 70 + b"\r\n"
        assert deliver(server, ROLE, line * 1000).startswith(b"552 5.3.4")
        assert takes_mail(server)


def test_message_without_an_end_is_cut_off() -> None:
    with listening(message_bytes=50_000) as server, to_data(server, ROLE) as client:
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
        eventually(lambda: server.doorman.connections == 2)
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
    with listening(idle=0.3, message=1.0) as server, to_data(server, ROLE) as client:
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
    monkeypatch.setattr("delivery.listeners.guest.GOODBYE_SECONDS", 0.2)
    with listening(idle=0.5, commands=10**9) as server:
        with Client(server) as client:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.socket.settimeout(0.3)
            try:
                while True:
                    client.socket.sendall(b"HELP\r\n" * 5000)
            except (TimeoutError, OSError):
                pass
            eventually(lambda: server.doorman.connections == 0)
        assert takes_mail(server)
