"""Submission (RFC 6409): any program that has an API key sends through us by SMTP."""

from __future__ import annotations

import asyncio
import logging
import re
from base64 import b64encode
from typing import Any, Final

from django.conf import settings

from accounts.models import ApiKey
from delivery.listeners.base import Listener
from delivery.listeners.certificate import configured_certificate
from delivery.listeners.database import Desk
from delivery.listeners.limits import Limits
from delivery.listeners.logins import Failures, Malformed, decoded, key_of, plain_password
from delivery.listeners.protocol import NULL_SENDER, Conversation
from delivery.listeners.replies import refusal, reply, with_enhanced_code
from delivery.listeners.server import Server
from delivery.submitted import Message, take
from emails.addresses import InvalidAddress, checked_address

logger = logging.getLogger(__name__)

THREADS: Final = 8  # in which the database is asked
MECHANISMS: Final = ("PLAIN", "LOGIN")
MOST_FAILURES: Final = 3  # in one conversation
LOGIN_SECONDS: Final = 60.0  # between two commands of whom we do not know yet
_AUTH_PARAMETER = re.compile(r"\s+AUTH=\S+", re.IGNORECASE)
_REVOKED: Final = "535 5.7.8 This API key was revoked. Ask staff for a new one."


def listeners() -> list[Listener]:
    """Return what the settings ask for: submission by STARTTLS, and by TLS from the beginning."""
    at_all = settings.SUBMISSION_LISTEN or settings.SUBMISSIONS_LISTEN
    certificate = configured_certificate() if at_all else None
    desk, failures, limits = Desk("submission", THREADS), Failures(), _limits()

    def conversation(server: Server) -> Conversation:
        return SubmissionConversation(server, desk, failures)

    begun_by_starttls = [
        Server("submission", address, conversation, limits=limits, certificate=certificate)
        for address in settings.SUBMISSION_LISTEN
    ]
    begun_by_tls = [
        Server(
            "submissions",
            address,
            conversation,
            limits=limits,
            certificate=certificate,
            implicit_tls=True,
        )
        for address in settings.SUBMISSIONS_LISTEN
    ]
    return [*begun_by_starttls, *begun_by_tls]


def _limits() -> Limits:
    return Limits(
        connections=500,
        connections_per_address=100,
        message_bytes=settings.MAX_MESSAGE_BYTES,
        held_bytes=settings.LISTENER_MAX_BYTES,
        line_bytes=settings.MAX_MESSAGE_BYTES,  # what is too long for the way is wrapped
        commands=1_000_000,
        idle=300.0,
    )


class Submissions:
    """What becomes of envelope and message: the hooks that aiosmtpd calls."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def handle_MAIL(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Take any sender that is a path: the From field decides whose mail it is."""
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Take an address that mail can be sent to, as many as an email may have."""
        try:
            recipient = checked_address(address)
        except InvalidAddress as error:
            return reply("501 5.1.3", str(error))
        if recipient not in envelope.rcpt_tos:
            if len(envelope.rcpt_tos) >= settings.MAX_RECIPIENTS:
                return f"452 4.5.3 A mail has at most {settings.MAX_RECIPIENTS} recipients here"
            envelope.rcpt_tos.append(recipient)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Accept the message; the answer comes after the commit."""
        mail_from = "" if envelope.mail_from == NULL_SENDER else envelope.mail_from
        message = Message(envelope.content, mail_from, tuple(envelope.rcpt_tos))
        return await self._desk.ask(_accepted, session.auth_data, message)


def _accepted(key_id: int, message: Message) -> str:
    """Return the reply to a message."""
    try:
        api_key = ApiKey.objects.active().select_related("project").filter(pk=key_id).first()
        if api_key is None:
            return _REVOKED
        api_key.note_use()
        return f"250 2.0.0 Accepted as {take(api_key.project, message)}"
    except Exception as error:  # noqa: BLE001  the client is told to come again
        return refusal(error)


class SubmissionConversation(Conversation):
    """One client, which says first who it is."""

    def __init__(self, server: Server, desk: Desk, failures: Failures) -> None:
        super().__init__(Submissions(desk), server, settings.HELO_NAME)
        self._desk, self._failures = desk, failures
        self._failed = 0

    def extensions(self) -> list[str]:
        """Announce AUTH where a key may be said."""
        offered = ["PIPELINING", "ENHANCEDSTATUSCODES"]
        return [*offered, f"AUTH {' '.join(MECHANISMS)}"] if self._may_authenticate else offered

    @property
    def _may_authenticate(self) -> bool:
        return self.encrypted or settings.SUBMISSION_AUTH_IN_CLEAR

    def _reset_timeout(self, duration: float | None = None) -> None:
        """Wait for strangers less long."""
        known = self.session and self.session.authenticated
        longest = self.room.limits.idle if known else min(LOGIN_SECONDS, self.room.limits.idle)
        super()._reset_timeout(duration or longest)

    async def push(self, status: Any) -> None:
        """Answer, with an enhanced code."""
        await super().push(with_enhanced_code(status) if isinstance(status, str) else status)

    async def check_auth_needed(self, caller_method: str) -> bool:
        """Let nobody do anything before it is known who it is."""
        assert self.session
        if self.session.authenticated:
            return False
        if not self._may_authenticate:
            await self.push("530 5.7.0 Begin with STARTTLS")
        else:
            await self.push("530 5.7.0 Log in first: any user name, and an API key as the password")
        return True

    async def smtp_MAIL(self, arg: str | None) -> None:
        """Pass over AUTH=, which says for whom the client asks (RFC 4954 §5): the key says that."""
        await super().smtp_MAIL(_AUTH_PARAMETER.sub("", arg) if arg else arg)

    async def smtp_AUTH(self, arg: str | None) -> None:
        """Find out whose key the client has."""
        if await self.check_helo_needed("EHLO"):
            return
        mechanism, _, initial = (arg or "").partition(" ")
        if problem := self._problem(mechanism.upper()):
            await self.push(problem)
        elif self._failures.too_many(self._origin):
            self.count_refusal("logins")
            self._part_with("421 4.7.0 Too many failed logins, try again later")
        else:
            await self._log_in(mechanism.upper(), initial.strip())

    def _problem(self, mechanism: str) -> str:
        assert self.session
        assert self.envelope
        if not self._may_authenticate:
            return "538 5.7.11 Begin with STARTTLS: a key is not said in the clear"
        if self.session.authenticated:
            return "503 5.5.1 Logged in already"
        if self.envelope.mail_from:
            return "503 5.5.1 Not within a mail"
        if mechanism not in MECHANISMS:
            return f"504 5.5.4 Use one of {' '.join(MECHANISMS)}"
        return ""

    async def _log_in(self, mechanism: str, initial: str) -> None:
        try:
            password = await self._password(mechanism, initial)
        except Malformed:
            await self.push("501 5.5.2 This can't be understood")
            return
        if password is None:
            await self.push("501 5.7.0 Cancelled")
            return
        try:
            api_key = await self._desk.ask(key_of, password)
        except Exception as error:  # noqa: BLE001  a database that is away is no wrong key
            await self.push(refusal(error))
            return
        await (self._welcome(api_key) if api_key else self._fail())

    async def _welcome(self, api_key: ApiKey) -> None:
        session: Any = self.session
        session.authenticated, session.auth_data = True, api_key.pk
        self._reset_timeout()
        await self.push("235 2.7.0 Welcome")

    async def _fail(self) -> None:
        """Answer late, the later the more often it happens."""
        self._failed += 1
        self.count_refusal("logins")
        logger.warning(
            "a login failed", extra={"address": self._origin, "listener": self.room.name}
        )
        await asyncio.sleep(self._failures.count(self._origin))
        words = "5.7.8 This is no API key, or it was revoked"
        if self._failed < MOST_FAILURES:
            await self.push(f"535 {words}")
        else:
            self._part_with(f"535 {words}")

    async def _password(self, mechanism: str, initial: str) -> str | None:
        """Return what the client gives as its password, None where it gives up."""
        if mechanism == "PLAIN":
            answer = decoded(initial) if initial else await self._ask("")
            return None if answer is None else plain_password(answer)
        if not initial and await self._ask("Username:") is None:
            return None
        answer = await self._ask("Password:")
        return None if answer is None else answer.decode("utf-8", "replace")

    async def _ask(self, for_what: str) -> bytes | None:
        await self.push(f"334 {b64encode(for_what.encode()).decode()}")
        answer: bytes = await self._reader.readuntil()
        said = answer.decode("ascii", "replace").strip()
        return None if said == "*" else decoded(said)
