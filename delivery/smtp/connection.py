"""One connection to one server: opening it, sending mail after mail over it, ending it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from ipaddress import ip_address
from time import monotonic

from .attempt import Attempt
from .auth import Credentials, authenticate
from .channel import Channel
from .chunk_transaction import ChunkTransaction
from .chunks import discards_chunks
from .data_transaction import DataTransaction
from .deadlines import Deadline
from .dialogue import Dialogue, insist
from .endpoint import Endpoint
from .envelope import Mail
from .errors import ConnectionLost, Refused, SessionError
from .extensions import Extensions
from .outcome import Outcome, Phase, TlsInfo
from .tls import TlsMode
from .transaction import Transaction
from .transfer import heed_unasked_reply

logger = logging.getLogger(__name__)

QUIT_SECONDS = 0.1  # for six bytes into a buffer that is empty


class Connection:
    """Opened once, used by one at a time; only `abort` may be called from others.

    `sends_chunks`: mail goes by BDAT, all at once; then a connection that is gone without a word,
    found out only by sending, leaves an ambiguous mail.

    Refusals and network trouble come back as outcomes. Exceptions are the caller's mistakes
    (InvalidMail; OSError for a `ca_file` that is not there) or come out of its `before_dot`.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.tls: TlsInfo | None = None
        self.extensions = Extensions()
        self.is_open = False
        self.sends_chunks = False
        self._endpoint = endpoint
        self._timeouts = endpoint.timeouts
        self._channel = Channel()
        self._dialogue = Dialogue(self._channel)
        self._phase = Phase.CONNECT
        self._used = self._unfinished = False
        self._host = f"{endpoint.host}:{endpoint.port}"
        if endpoint.tls.mode is not TlsMode.NONE:
            endpoint.tls.context()  # a ca_file that is not there fails here, not on the wire

    def open(self) -> Outcome | None:
        """Connect and say who we are. None when ready for mail; else why not, always deferred."""
        started = monotonic()
        try:
            self._establish()
        except SessionError as error:
            self.close()
            return self._attempt(started).broken(error, self._phase)
        self.is_open = True
        return None

    def send(
        self, sender: str, recipients: Sequence[str], message: bytes, before_dot: Callable[[], bool]
    ) -> dict[str, Outcome]:
        """Prepare a mail (see Mail.prepare, which raises InvalidMail) and `deliver` it."""
        return self.deliver(Mail.prepare(sender, recipients, message), before_dot)

    def deliver(self, mail: Mail, before_dot: Callable[[], bool]) -> dict[str, Outcome]:
        """Try to deliver one mail; returns the outcome of each recipient, in order.

        `before_dot` is asked before the last bytes leave, which are a small mail's only ones; if
        it says no, nothing is delivered, every outcome is ABANDONED, and the connection is closed
        where the server waits for the rest. A connection that is not open, or was lost meanwhile,
        defers.
        """
        attempt = self._attempt(monotonic())
        if not self.is_open:
            lost = attempt.broken(ConnectionLost("connection is not open"), Phase.CONNECT)
            return dict.fromkeys(mail.recipients, lost)
        kind = ChunkTransaction if self.sends_chunks else DataTransaction
        transaction = kind(
            self._dialogue, self.extensions, self._timeouts, attempt, mail, kept=self._used
        )
        self._used = True
        self._run(transaction, before_dot)
        return {address: transaction.outcomes[address] for address in mail.recipients}

    def is_reusable(self, *, certainly: bool = False) -> bool:
        """Whether another mail may go over this connection.

        It was not closed while idle, the server did not speak unasked (a 421, say), and what a
        failed mail left behind is reset, which is the only part that may wait. `certainly`: the
        server is asked for a reset in any case, and answers.
        """
        if not (self.is_open and self._channel.is_quiet()):
            return False
        if certainly or self._unfinished:
            return self._reset() and self._channel.is_quiet()
        return True

    def quit(self) -> None:
        """End politely; never waits, never raises, and changes no outcome.

        The answer to QUIT tells nothing (RFC 5321 §4.1.1.10 would have us wait for it), and a
        server that is slow or frozen must not hold up who closes its idle connections.
        """
        if self.is_open:
            with suppress(SessionError):
                self._dialogue.write(["QUIT"], Deadline(QUIT_SECONDS))
        self.close()

    def close(self) -> None:
        """End at once; for whoever uses the connection."""
        self.is_open = False
        self._channel.close()

    def abort(self) -> None:
        """End at once from any thread: a `send` that awaits the reply to its dot is ambiguous."""
        self._channel.abort()

    def _attempt(self, started: float) -> Attempt:
        return Attempt(self._host, self.tls, started, public=self._endpoint.public)

    # Opening

    def _establish(self) -> None:
        mode = self._endpoint.tls.mode
        self._connect()
        if mode is TlsMode.TLS:
            self._handshake()
        self._greet()
        self._hello()
        if mode is TlsMode.STARTTLS or (mode is TlsMode.OPPORTUNISTIC and self.extensions.starttls):
            self._starttls()
        if self._endpoint.credentials is not None:
            self._log_in(self._endpoint.credentials)
        if self._endpoint.chunking and self.extensions.chunking and self.extensions.pipelining:
            self._try_chunks()
        heed_unasked_reply(self._dialogue, self._timeouts)  # lest it be taken for a mail's first

    def _connect(self) -> None:
        host, port = self._endpoint.host, self._endpoint.port
        deadline = self._enter(Phase.CONNECT, self._timeouts.connect)
        self._channel.connect(self._endpoint.address or host, port, deadline)
        address = self._channel.peer
        name = host if host == address else f"{host}[{address}]"
        self._host = f"{name}:{port}"

    def _handshake(self) -> None:
        deadline = self._enter(Phase.TLS, self._timeouts.tls)
        context, name = self._endpoint.tls.context(), self._endpoint.server_name
        self.tls = self._channel.secure(context, name, deadline)

    def _greet(self) -> None:
        insist(self._dialogue.read(self._enter(Phase.GREETING, self._timeouts.greeting)))

    def _hello(self) -> None:
        """EHLO, or HELO for servers that know nothing else (RFC 5321 §3.2)."""
        deadline = self._enter(Phase.EHLO, self._timeouts.hello)
        reply = self._dialogue.ask(f"EHLO {self._endpoint.helo_name}", deadline)
        if reply.permanent:
            self._dialogue.demand(f"HELO {self._endpoint.helo_name}", deadline)
            self.extensions = Extensions()
        else:
            self.extensions = Extensions.parse(insist(reply))

    def _starttls(self) -> None:
        """Any failure ends the attempt: who was offered encryption does not go on without it."""
        deadline = self._enter(Phase.STARTTLS, self._timeouts.hello)
        if not self.extensions.starttls:
            raise SessionError("the server does not offer STARTTLS, which is required")
        self._dialogue.demand("STARTTLS", deadline)
        self._handshake()
        self._hello()  # what was offered in plain text is void (RFC 3207 §4.2)

    def _log_in(self, credentials: Credentials) -> None:
        deadline = self._enter(Phase.AUTH, self._timeouts.hello)
        if not self._may_show_credentials():
            raise SessionError("credentials are not sent over an unencrypted connection")
        try:
            authenticate(self._dialogue, self.extensions.auth, credentials, deadline)
        except Refused as error:
            logger.error("%s refuses the credentials of this sender: %s", self._host, error)
            raise

    def _try_chunks(self) -> None:
        """Where this breaks off, the phase is DATA: without chunks there may be no trouble."""
        self.sends_chunks = True
        deadline = self._enter(Phase.DATA, self._timeouts.courtesy)
        self.sends_chunks = discards_chunks(self._dialogue, deadline)
        if not self.sends_chunks:
            logger.warning("%s offers CHUNKING and fails at it; mail goes by DATA", self._host)

    def _may_show_credentials(self) -> bool:
        return self._channel.encrypted or self._endpoint.auth_in_clear or self._is_loopback()

    def _is_loopback(self) -> bool:
        address = self._channel.peer
        return bool(address) and ip_address(address).is_loopback

    def _enter(self, phase: Phase, seconds: float) -> Deadline:
        self._phase = phase
        return Deadline(seconds)

    # Between mails

    def _run(self, transaction: Transaction, before_dot: Callable[[], bool]) -> None:
        usable = False
        try:
            transaction.run(before_dot)
            usable = transaction.intact
        finally:  # before_dot may raise
            if not usable:
                self.close()
        self._unfinished = self._unfinished or not transaction.finished

    def _reset(self) -> bool:
        try:
            reply = self._dialogue.ask("RSET", Deadline(self._timeouts.courtesy))
        except SessionError:
            reply = None
        self._unfinished = reply is None or not reply.positive
        if self._unfinished:
            self.close()
        return not self._unfinished
