"""How much of messages is held in memory, by all connections together."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref

import pytest

from delivery.listeners.database import Desk
from delivery.listeners.inbound import Inbound
from delivery.listeners.tests.conftest import listening
from delivery.listeners.tests.dialogue import ROLE, eventually, takes_mail, to_data

pytestmark = pytest.mark.django_db(transaction=True)

LINE = b"x" * 98 + b"\r\n"
HALF = b"Subject: x\r\n\r\n" + LINE * 600  # 60,000 bytes


def test_message_that_would_be_too_much_is_refused_for_now_and_the_others_are_taken() -> None:
    with listening(held_bytes=100_000) as server:
        with to_data(server, ROLE) as first, to_data(server, ROLE) as second:
            first.socket.sendall(HALF)
            eventually(lambda: server.doorman.held > 50_000)
            assert second.say(HALF + b".\r\n").startswith(b"452 4.3.1 ")
            assert takes_mail(server)  # a small one finds its place
            assert second.command("NOOP").startswith(b"250")
            assert first.say(b".\r\n").startswith(b"250")
            again = second.command("MAIL FROM:<>", f"RCPT TO:<{ROLE}>", "DATA")
            assert again.startswith(b"354")
            assert second.say(HALF + b".\r\n").startswith(b"250")
        eventually(lambda: server.doorman.held == 0)


def test_bytes_are_not_counted_beyond_a_fault() -> None:
    with listening(held_bytes=100_000, message_bytes=50_000) as server:
        with to_data(server, ROLE) as client:
            client.socket.sendall(LINE * 900)
            reply = client.say(b".\r\n")
            assert reply.startswith(b"552 5.3.4")
            assert server.doorman.held == 0
        assert takes_mail(server)


def test_connection_that_breaks_off_gives_back_what_it_held() -> None:
    with listening(held_bytes=100_000) as server:
        for _ in range(5):
            with to_data(server, ROLE) as client:
                client.socket.sendall(HALF)
                eventually(lambda: server.doorman.held > 50_000)
            eventually(lambda: server.doorman.held == 0)
        assert takes_mail(server)


def test_message_is_held_until_it_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on = threading.Event()

    async def slow(self: Inbound, smtp: object, session: object, envelope: object) -> str:
        while not goes_on.is_set():
            await asyncio.sleep(0.01)
        return "250 2.0.0 taken"

    monkeypatch.setattr(Inbound, "handle_DATA", slow)
    with listening(held_bytes=100_000) as server:
        with to_data(server, ROLE) as first, to_data(server, ROLE) as second:
            first.socket.sendall(HALF + b".\r\n")
            eventually(lambda: server.doorman.held > 50_000)
            assert second.say(HALF + b".\r\n").startswith(b"452 4.3.1 ")
            goes_on.set()
            assert first.read().startswith(b"250")
        eventually(lambda: server.doorman.held == 0)


class Content:
    """A message that can be watched."""


def test_desk_holds_no_message_of_somebody_who_is_gone() -> None:
    desk, goes_on, done = Desk("desk", 1), threading.Event(), []

    async def ask_and_go() -> None:
        first = asyncio.create_task(desk.ask(goes_on.wait, 60))
        content = Content()
        gone = weakref.ref(content)
        second = asyncio.create_task(desk.ask(done.append, content))
        del content
        await asyncio.sleep(0.05)
        second.cancel()
        del second
        while gone():
            await asyncio.sleep(0.01)
            gc.collect()
        assert not goes_on.is_set()
        goes_on.set()
        await first

    asyncio.run(asyncio.wait_for(ask_and_go(), 30))
    desk.close()
    assert done == []
