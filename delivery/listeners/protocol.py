"""What is said with one connection: aiosmtpd's commands, with one strict idea of a line.

What aiosmtpd lacks and is added here: commands end in CRLF alone; a message ends at CRLF.CRLF and
has no other line ends; nobody speaks before the greeting or before the answer to DATA; limits on
bytes and mails; HELP, VRFY and EXPN tell nothing; errors of ours are 451, without text.
"""

from __future__ import annotations

import re
from typing import Any

from aiosmtpd.smtp import syntax

from delivery.listeners.guest import Guest
from delivery.listeners.limits import Hold
from delivery.smtp.incoming import Fault, Incoming

CHUNK = 65_536
REFUSED_FOR = {Fault.TOO_LARGE: "size", Fault.NO_ROOM: "memory"}  # in metrics
NULL_SENDER = "<>"  # as aiosmtpd writes the empty reverse-path
# RFC 5321 §4.1.2; a source route is read and ignored (appendix C).
_PATH = re.compile(r"<(?:@[^:<>]*:)?([^<>\x00-\x20\x7f]*)>(?:[ \t]+(.*))?", re.DOTALL)


class Conversation(Guest):
    """What is said. `handler` has aiosmtpd's hooks handle_MAIL, handle_RCPT and handle_DATA."""

    def extensions(self) -> list[str]:
        """Return what EHLO announces, without SIZE, 8BITMIME, SMTPUTF8 and STARTTLS."""
        return []

    def takes_mail(self) -> bool:
        """Count a mail of this address, or tell that there were too many."""
        taken = self.room.doorman.takes_mail(self._origin)
        if not taken:
            self.count_refusal("rate")
        return taken

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
        hold = Hold(self.room.doorman)
        try:
            await self.push("354 end with <CR><LF>.<CR><LF>")
            incoming = await self._receive(hold)
            if incoming.fault:
                await self._refuse_message(incoming.fault)
            else:
                await self._hand_over(envelope, incoming.content())
        finally:
            envelope.content = envelope.original_content = None
            hold.let_go()
            self.busy = False
            self._reset_timeout()
        if self._leaving:
            self.leave()

    async def _hand_over(self, envelope: Any, content: bytes) -> None:
        envelope.content = envelope.original_content = content
        self._reset_timeout(self.room.limits.message)
        status = await self._call_handler_hook("DATA")
        self._set_post_data_state()  # type: ignore[no-untyped-call]
        await self.push(status)

    async def _refuse_message(self, fault: Fault) -> None:
        self._set_post_data_state()  # type: ignore[no-untyped-call]
        self.count_refusal(REFUSED_FOR.get(fault, "protocol"))
        if fault is Fault.BARE_LINE_END:
            self._part_with(fault.value)
        else:
            await self.push(fault.value)

    async def _receive(self, hold: Hold) -> Incoming:
        """Read up to the end of the message; what stands after it goes back to be read."""
        limits, ends = self.room.limits, self.loop.time() + self.room.limits.message
        incoming = Incoming(limits.message_bytes, limits.line_bytes)
        while True:
            self._reset_timeout(max(0.001, min(limits.idle, ends - self.loop.time())))
            chunk = await self._reader.read(CHUNK)
            if not chunk:
                raise ConnectionResetError("the message broke off")
            ended = incoming.feed(chunk)
            if not hold.grow_to(incoming.kept):
                incoming.refuse(Fault.NO_ROOM)
            if incoming.fault:
                hold.let_go()
            if ended:
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
