"""One connection of a listener: whether it is let in, TLS from its beginning, and how it ends."""

from __future__ import annotations

import asyncio
import logging
import ssl
from asyncio.sslproto import SSLProtocol
from collections import defaultdict
from typing import Any, Final, Protocol

from aiosmtpd.smtp import SMTP, TLSSetupException

from delivery.listeners.limits import Doorman, Limits, origin_of
from delivery.listeners.lines import Lines, TooLong, WrongLineEnd
from delivery.metrics import LISTENER_REFUSALS

logger = logging.getLogger(__name__)

LONGEST_COMMAND: Final = 512  # RFC 5321 §4.5.3.1.4
GOODBYE_SECONDS = 5.0  # for our last words to be taken
HANDSHAKE_SECONDS = 10.0  # for TLS to begin where the connection begins with it


class Room(Protocol):
    """What a conversation needs of the listener that it is with."""

    name: str
    limits: Limits
    doorman: Doorman
    conversations: set[Guest]

    def tls(self) -> ssl.SSLContext | None:
        """Return what STARTTLS uses, None where it is not offered."""

    def implicit_tls(self) -> ssl.SSLContext | None:
        """Return what a connection begins with, None where that is SMTP in the clear."""


class Guest(SMTP):
    """One connection, counted from its first moment to its last."""

    transport: Any  # asyncio's; with TLS, that of the encrypted side
    _reader: Any
    _writer: Any

    def __init__(self, handler: Any, room: Room, hostname: str, **options: Any) -> None:
        self.room, self._origin = room, ""
        self._refused = self.busy = self._leaving = False
        self._cut: asyncio.TimerHandle | None = None
        self._handshaking: Any = None  # asyncio's transport, while TLS begins
        self.command_size_limits = defaultdict(lambda: LONGEST_COMMAND)  # else shared by all
        super().__init__(
            handler,
            hostname=hostname,
            ident="ESMTP",
            data_size_limit=room.limits.message_bytes,
            enable_SMTPUTF8=True,
            tls_context=room.tls(),
            timeout=room.limits.idle,
            command_call_limit={"*": room.limits.commands},
            loop=asyncio.get_running_loop(),
            **options,
        )

    @property
    def encrypted(self) -> bool:
        """Whether TLS is on, from the beginning or by STARTTLS."""
        return bool(self.transport and self.transport.get_extra_info("sslcontext"))

    def connection_made(self, transport: Any) -> None:
        """Let in whom there is room for; called a second time once TLS is on."""
        if self._origin:
            self._handshaking = None
            super().connection_made(transport)
            return
        self._origin = origin_of(transport.get_extra_info("peername")[0])
        if not self.room.doorman.enter(self._origin):
            self._turn_away(transport)
            return
        self.room.conversations.add(self)
        if context := self.room.implicit_tls():
            self._begin_tls(transport, context)
        else:
            super().connection_made(transport)

    def _turn_away(self, transport: Any) -> None:
        """Say why, where words can be read: not to who waits for TLS to begin."""
        self._refused = True
        self.count_refusal("connections")
        if self.room.implicit_tls() is None:
            transport.write(b"421 4.7.0 too many connections, try again later\r\n")
        transport.close()

    def _begin_tls(self, transport: Any, context: ssl.SSLContext) -> None:
        """Begin here, not by asyncio's server, which shows nobody before TLS is on."""
        self._handshaking = transport
        over = self.loop.create_future()
        over.add_done_callback(self._handshake_over)
        protocol = SSLProtocol(
            self.loop,
            self,
            context,
            over,
            server_side=True,
            ssl_handshake_timeout=HANDSHAKE_SECONDS,  # type: ignore[arg-type]  # any number
        )
        transport.set_protocol(protocol)
        protocol.connection_made(transport)

    def _handshake_over(self, over: asyncio.Future[None]) -> None:
        """Count out whoever went, or was sent, before TLS was on: nobody else tells."""
        if over.exception() is not None:
            self.count_refusal("tls")
        if self._handshaking is not None:
            self._handshaking = None
            self._count_out()

    def _count_out(self) -> None:
        if self in self.room.conversations:
            self.room.conversations.discard(self)
            self.room.doorman.leave(self._origin)

    def connection_lost(self, error: Exception | None) -> None:
        """Count it out."""
        if self._refused:
            return
        if self._cut:
            self._cut.cancel()
        self._count_out()
        super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """Take what came; of who was turned away, nothing."""
        if not self._refused:
            super().data_received(data)

    def eof_received(self) -> bool | None:
        """End, unless it never began."""
        return None if self._refused else super().eof_received()

    def _cb_client_connected(self, reader: Any, writer: Any) -> None:
        reader.__class__ = Lines  # aiosmtpd makes the reader itself
        super()._cb_client_connected(reader, writer)

    def leave(self) -> None:
        """End, at once or after the answer to the mail that is being received."""
        self._leaving = True
        if self._handshaking is not None:
            self._handshaking.abort()
        elif not self.busy:
            self._part_with("421 4.3.2 shutting down, try again later")

    def _timeout_cb(self) -> None:
        self.count_refusal("slow")
        self._part_with("421 4.4.2 that took too long")

    def _part_with(self, words: str = "") -> None:
        """Say the last words, read no more, and wait for nobody who does not listen."""
        transport = self.transport
        if transport is None or self._cut:
            return
        if words and not transport.is_closing():
            transport.write(words.encode() + b"\r\n")
        transport.close()
        self._cut = self.loop.call_later(GOODBYE_SECONDS, transport.abort)
        if self._handler_coroutine:
            self._handler_coroutine.cancel()

    def part_soon(self) -> None:
        """End once the answer that is about to be given is written."""
        self.loop.call_soon(self._part_with)

    def count_refusal(self, reason: str) -> None:
        """Count a refusal of ours, under a reason out of a few."""
        LISTENER_REFUSALS.labels(self.room.name, reason).inc()

    async def _handle_client(self) -> None:
        try:
            await asyncio.sleep(self.room.limits.greeting_pause)
            if self._reader._buffer:
                self.count_refusal("protocol")
                self._part_with("554 5.5.1 you spoke before the greeting")
            else:
                await super()._handle_client()
        except ConnectionError:
            pass  # it is over
        finally:  # aiosmtpd closes on most ways out, not on all
            self._part_with()

    async def handle_exception(self, error: Exception) -> str:
        """Answer what went wrong within a command, without the words of the exception."""
        if isinstance(error, WrongLineEnd):
            self.count_refusal("protocol")
            self.part_soon()
            return "500 5.5.2 lines end in CRLF"
        if isinstance(error, TooLong):
            return "500 5.5.2 the line is too long"
        if isinstance(error, OSError | TLSSetupException):
            logger.info("a conversation broke", extra={"error": str(error)})
        else:
            logger.error("a conversation stumbled", exc_info=error)
        return "451 4.3.0 something went wrong here, try again later"
