"""One SMTP conversation of a listener: aiosmtpd with limits, and with one strict idea of a line.

What aiosmtpd lacks and is added here: commands end in CRLF alone; a message ends at CRLF.CRLF and
has no other line ends; nobody speaks before the greeting or before the answer to DATA; limits on
time, connections and mails; HELP, VRFY and EXPN tell nothing; errors of ours are 451, without text.
"""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Protocol

from aiosmtpd.smtp import SMTP, TLSSetupException, syntax

from delivery.listeners.limits import Doorman, Limits, origin_of
from delivery.listeners.lines import Lines, TooLong, WrongLineEnd
from delivery.metrics import LISTENER_REFUSALS
from delivery.smtp.incoming import Fault, Incoming

logger = logging.getLogger(__name__)

CHUNK = 65_536
LONGEST_COMMAND = 512  # RFC 5321 §4.5.3.1.4
GOODBYE_SECONDS = 5.0  # for our last words to be taken
NULL_SENDER = "<>"  # as aiosmtpd writes the empty reverse-path
# RFC 5321 §4.1.2; a source route is read and ignored (appendix C).
_PATH = re.compile(r"<(?:@[^:<>]*:)?([^<>\x00-\x20\x7f]*)>(?:[ \t]+(.*))?", re.DOTALL)


class Room(Protocol):
    """What a conversation needs of the listener that it is with."""

    name: str
    limits: Limits
    doorman: Doorman
    conversations: set[Conversation]

    def tls(self) -> ssl.SSLContext | None:
        """Return what STARTTLS uses, None where it is not offered."""


class Conversation(SMTP):
    """One connection. `handler` has aiosmtpd's hooks handle_MAIL, handle_RCPT and handle_DATA."""

    transport: Any  # asyncio's; with TLS, that of the encrypted side
    _reader: Any
    _writer: Any

    def __init__(self, handler: Any, room: Room, hostname: str, **options: Any) -> None:
        self.room, self._origin = room, ""
        self._refused = self.busy = self._leaving = False
        self._cut: asyncio.TimerHandle | None = None
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

    def extensions(self) -> list[str]:
        """Return what EHLO announces, without SIZE, 8BITMIME, SMTPUTF8 and STARTTLS."""
        return []

    # --- Coming and going ---

    def connection_made(self, transport: Any) -> None:
        """Let in whom there is room for; called a second time once STARTTLS is done."""
        if not self._origin:
            self._origin = origin_of(transport.get_extra_info("peername")[0])
            if not self.room.doorman.enter(self._origin):
                self._turn_away(transport)
                return
            self.room.conversations.add(self)
        super().connection_made(transport)

    def _turn_away(self, transport: Any) -> None:
        self._refused = True
        self.count_refusal("connections")
        transport.write(b"421 4.7.0 too many connections, try again later\r\n")
        transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        """Count it out."""
        if self._refused:
            return
        if self._cut:
            self._cut.cancel()
        if self in self.room.conversations:
            self.room.conversations.discard(self)
            self.room.doorman.leave(self._origin)
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
        if not self.busy:
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

    def takes_mail(self) -> bool:
        """Count a mail of this address, or tell that there were too many."""
        taken = self.room.doorman.takes_mail(self._origin)
        if not taken:
            self.count_refusal("rate")
        return taken

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

    # --- Commands ---

    @syntax("EHLO hostname")
    async def smtp_EHLO(self, hostname: str) -> None:
        """Say what we can."""
        if not hostname:
            await self.push("501 5.5.4 Syntax: EHLO hostname")
            return
        self._set_rset_state()  # type: ignore[no-untyped-call]
        session: Any = self.session
        session.extended_smtp, session.host_name = True, hostname
        self.command_size_limits["MAIL"] = self.command_size_limits["RCPT"] = 1000
        words = [f"SIZE {self.data_size_limit}", "8BITMIME", "SMTPUTF8", *self.extensions()]
        if self.tls_context and not self.encrypted:
            words.append("STARTTLS")
        lines = [self.hostname, *words]
        for line in lines[:-1]:
            self._writer.write(f"250-{line}\r\n".encode())
        await self.push(f"250 {lines[-1]}")

    @syntax("STARTTLS", when="tls_context")
    async def smtp_STARTTLS(self, arg: str) -> None:
        """Begin TLS, once."""
        if self.encrypted:
            await self.push("503 5.5.1 TLS is on already")
        else:
            await super().smtp_STARTTLS(arg)

    async def smtp_VRFY(self, arg: str) -> None:
        """Tell nothing (RFC 5321 §7.3)."""
        await self.push("252 2.5.2 send mail and see")

    async def smtp_EXPN(self, arg: str) -> None:
        """Tell nothing."""
        await self.push("502 5.5.1 not implemented")

    async def smtp_HELP(self, arg: str) -> None:
        """Tell nothing."""
        await self.push("214 2.0.0 RFC 5321")

    @syntax("DATA")
    async def smtp_DATA(self, arg: str) -> None:
        """Receive a message and give it to the handler."""
        envelope: Any = self.envelope
        if await self.check_helo_needed() or await self.check_auth_needed("DATA"):
            return
        if arg:
            await self.push("501 5.5.4 Syntax: DATA")
        elif not envelope.rcpt_tos:
            await self.push("503 5.5.1 need RCPT command")
        elif self._reader._buffer:  # RFC 2920 §3.1: DATA is the last of a group
            self.count_refusal("protocol")
            self._part_with("503 5.5.1 you spoke before the answer to DATA")
        else:
            await self._take_message(envelope)

    async def _take_message(self, envelope: Any) -> None:
        self.busy = True
        try:
            await self.push("354 end with <CR><LF>.<CR><LF>")
            incoming = await self._receive()
            if incoming.fault:
                await self._refuse_message(incoming.fault)
            else:
                await self._hand_over(envelope, incoming)
        finally:
            self.busy = False
            self._reset_timeout()
        if self._leaving:
            self.leave()

    async def _hand_over(self, envelope: Any, incoming: Incoming) -> None:
        envelope.content = envelope.original_content = incoming.content()
        self._reset_timeout(self.room.limits.message)
        status = await self._call_handler_hook("DATA")
        self._set_post_data_state()  # type: ignore[no-untyped-call]
        await self.push(status)

    async def _refuse_message(self, fault: Fault) -> None:
        self._set_post_data_state()  # type: ignore[no-untyped-call]
        self.count_refusal("size" if fault is Fault.TOO_LARGE else "protocol")
        if fault is Fault.BARE_LINE_END:
            self._part_with(fault.value)
        else:
            await self.push(fault.value)

    async def _receive(self) -> Incoming:
        """Read up to the end of the message; what stands after it goes back to be read."""
        limits, ends = self.room.limits, self.loop.time() + self.room.limits.message
        incoming = Incoming(limits.message_bytes, limits.line_bytes)
        while True:
            self._reset_timeout(max(0.001, min(limits.idle, ends - self.loop.time())))
            chunk = await self._reader.read(CHUNK)
            if not chunk:
                raise ConnectionResetError("the message broke off")
            if incoming.feed(chunk):
                self._reader._buffer[:0] = incoming.rest
                return incoming
            if incoming.received > 2 * limits.message_bytes + CHUNK:
                self._part_with(Fault.TOO_LARGE.value)
                raise ConnectionResetError("it would not end")

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """Read a path and what follows it; None for what is none."""
        found = _PATH.fullmatch(arg.strip())
        if found is None:
            return None, None
        return found[1] or NULL_SENDER, found[2] or ""


Factory = Callable[[], Conversation]
