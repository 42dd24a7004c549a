"""Port 25: mail for our return paths and a few other addresses. Nothing is ever passed on.

What is refused is refused in the session; what is answered by 250 is committed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.db import Error

from delivery.homecoming import Full, InFlight, Mail, Reading, read, take_in
from delivery.inbound_addresses import Destination, find_destination
from delivery.listeners.base import Listener
from delivery.listeners.certificate import configured_certificate
from delivery.listeners.database import Desk
from delivery.listeners.limits import Limits
from delivery.listeners.protocol import NULL_SENDER, Conversation
from delivery.listeners.server import Server
from delivery.smtp.reports.fields import storable

logger = logging.getLogger(__name__)
T = TypeVar("T")

THREADS = 8
MOST_RECIPIENTS = 10  # of one mail; a return path is that of one
MOST_REFUSED = 10  # recipients of one connection: more is somebody who guesses
IN_FLIGHT_SECONDS = 10.0  # for an attempt's outcome to be recorded, before the mail comes again

AWAY = "451 4.3.0 not now, try again later"


class InboundConversation(Conversation):
    """Nobody logs in here."""

    async def smtp_AUTH(self, arg: str) -> None:
        """Refuse: there is nothing to log in for."""
        await self.push("502 5.5.1 not implemented")


class Inbound:
    """aiosmtpd's hooks of one conversation."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._refused = 0

    async def handle_MAIL(
        self, smtp: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Begin a mail, unless there were too many."""
        if not smtp.takes_mail():
            return "451 4.7.1 too many mails from your address, try again in a minute"
        envelope.mail_from = address
        envelope.destinations = []
        return "250 2.1.0 go on"

    async def handle_RCPT(
        self, smtp: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Take what is ours."""
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return "452 4.5.3 too many recipients"
        found = await self._ask(find_destination, address)
        if isinstance(found, Destination):
            if not any(found.is_same(other) for other in envelope.destinations):
                envelope.destinations.append(found)
            envelope.rcpt_tos.append(address)
            return "250 2.1.5 go on"
        return AWAY if found is AWAY else self._refuse(smtp)

    def _refuse(self, smtp: Any) -> str:
        self._refused += 1
        smtp.count_refusal("recipient")
        if self._refused >= MOST_REFUSED:
            smtp.part_soon()
            return "421 4.7.0 too many unknown recipients"
        return "550 5.1.1 no such address here"

    async def handle_DATA(self, smtp: Any, session: Any, envelope: Any) -> str:
        """Do what it means, then answer."""
        mail = Mail(
            peer=session.peer[0].partition("%")[0],
            mail_from=storable(envelope.mail_from.removeprefix(NULL_SENDER))[:320],
            destinations=tuple(envelope.destinations),
            content=envelope.content,
        )
        readings = await self._ask(read, mail)
        return readings if isinstance(readings, str) else await self._take_in(smtp, mail, readings)

    async def _take_in(self, smtp: Any, mail: Mail, readings: list[Reading]) -> str:
        ends = smtp.loop.time() + IN_FLIGHT_SECONDS
        while True:
            try:
                answer = await self._ask(take_in, mail, readings)
                return answer or "250 2.0.0 taken"
            except Full:
                return "452 4.3.1 no room, try again later"
            except InFlight:
                if smtp.loop.time() > ends:
                    return "451 4.3.2 its delivery is not over yet, try again later"
            await asyncio.sleep(0.2)

    async def _ask(self, work: Callable[..., T], *arguments: object) -> T | str:
        """Return what the database says, AWAY where it says nothing; it may still do it then."""
        asked = self._desk.ask(work, *arguments)
        try:
            return await asyncio.wait_for(asked, settings.DATABASE_ANSWER_SECONDS)
        except (Error, TimeoutError) as error:
            logger.error("the database is out of reach: %r", error)
            return AWAY


def listeners() -> list[Listener]:
    """Return the inbound listeners of the settings. Raises ImproperlyConfigured."""
    desk = Desk("inbound", THREADS)
    certificate = configured_certificate() if settings.INBOUND_LISTEN else None

    def conversation(server: Server) -> Conversation:
        return InboundConversation(Inbound(desk), server, settings.HELO_NAME)

    return [
        Server("inbound", address, conversation, limits=_limits(), certificate=certificate)
        for address in settings.INBOUND_LISTEN
    ]


def _limits() -> Limits:
    return Limits(
        connections=settings.INBOUND_MAX_CONNECTIONS,
        connections_per_address=settings.INBOUND_CONNECTIONS_PER_ADDRESS,
        mails_per_minute=settings.INBOUND_MAILS_PER_MINUTE,
        message_bytes=settings.INBOUND_MAX_BYTES,
        held_bytes=settings.LISTENER_MAX_BYTES,
    )
