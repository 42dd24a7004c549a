"""TLS from the beginning: who has not finished its handshake counts like everybody."""

from __future__ import annotations

import smtplib
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from delivery.listeners.certificate import Certificate
from delivery.listeners.tests.clients import listening, trusting
from delivery.listeners.tests.dialogue import PATIENCE, eventually
from delivery.smtp.tests.certificates import make_certificate

pytestmark = pytest.mark.django_db(transaction=True)
ELSEWHERE = ("127.0.0.9", 0)


@pytest.fixture
def files(tmp_path: Path) -> Any:
    return make_certificate(tmp_path, "127.0.0.1")


@pytest.fixture
def server(files: Any) -> Iterator[Any]:
    certificate = Certificate(Path(files.chain), Path(files.key))
    with listening(
        certificate, implicit_tls=True, connections=4, connections_per_address=3
    ) as server:
        yield server


def knock(server: Any, source: tuple[str, int] | None = None) -> socket.socket:
    """Connect, and say nothing."""
    return socket.create_connection(server.address, timeout=PATIENCE, source_address=source)


def is_turned_away(client: socket.socket) -> bool:
    """Tell whether the other side closes; one that waits for TLS would not, for the test's life."""
    return client.recv(100) == b""


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("delivery.listeners.guest.HANDSHAKE_SECONDS", 3600)


def test_one_address_has_no_more_unfinished_handshakes_than_connections(
    server: Any, files: Any
) -> None:
    silent = [knock(server) for _ in range(3)]
    eventually(lambda: server.doorman.connections == 3)
    assert is_turned_away(knock(server))
    client = smtplib.SMTP_SSL(
        *server.address, context=trusting(files.chain), timeout=30, source_address=ELSEWHERE
    )
    assert client.noop()[0] == 250
    assert is_turned_away(knock(server, ("127.0.0.10", 0)))  # four in all
    client.quit()
    for one in silent:
        one.close()
    eventually(lambda: server.doorman.connections == 0)
    assert not server.conversations


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def say_no_tls(client: socket.socket) -> None:
    client.sendall(b"EHLO me\r\n" * 10)
    while client.recv(1000):
        pass


def begin_and_go(client: socket.socket) -> None:
    client.sendall(bytes.fromhex("160301ffff"))  # a record that never ends
    client.shutdown(socket.SHUT_WR)
    while client.recv(1000):
        pass


@pytest.mark.parametrize("end", [socket.socket.close, reset, say_no_tls, begin_and_go])
def test_handshake_that_fails_makes_room_again(server: Any, files: Any, end: Any) -> None:
    for _ in range(10):
        client = knock(server)
        eventually(lambda: server.doorman.connections == 1)
        end(client)
        client.close()
        eventually(lambda: server.doorman.connections == 0)
    assert not server.conversations
    with smtplib.SMTP_SSL(*server.address, context=trusting(files.chain), timeout=30) as sender:
        assert sender.noop()[0] == 250
    eventually(lambda: server.doorman.connections == 0)


def test_handshake_that_never_comes_makes_room_in_the_end(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("delivery.listeners.guest.HANDSHAKE_SECONDS", 0.1)
    with knock(server) as silent:
        assert is_turned_away(silent)
        eventually(lambda: server.doorman.connections == 0)


def test_end_of_the_mail_server_waits_for_no_handshake(server: Any) -> None:
    with knock(server) as silent:
        eventually(lambda: server.doorman.connections == 1)
        server.stop(3600)  # would be the longest of waits
        assert is_turned_away(silent)
    assert not server.conversations
