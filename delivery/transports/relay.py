"""Production: mail goes to one SMTP server, which takes it from there."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import parse_qs, unquote, urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from delivery.smtp import Credentials, Endpoint, Outcome, Session, TlsMode, TlsPolicy
from delivery.transports.base import Envelope

IDLE_SECONDS = 30.0
DEFAULT_PORTS = {TlsMode.TLS: 465, TlsMode.STARTTLS: 587}
TLS_MODES = {
    "none": TlsMode.NONE,
    "opportunistic": TlsMode.OPPORTUNISTIC,
    "starttls": TlsMode.STARTTLS,
    "tls": TlsMode.TLS,
}
OPTIONS = {"tls", "verify", "auth_in_clear"}


class RelayTransport:
    """Keeps connections open across mails: the one that was used last goes first."""

    name = "relay"

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._idle: list[tuple[Session, float]] = []
        self._busy: set[Session] = set()

    @classmethod
    def configured(cls) -> RelayTransport:
        """Return the transport to SMTP_RELAY_URL."""
        return cls(endpoint_of(settings.SMTP_RELAY_URL, settings.HELO_NAME))

    @contextmanager
    def session(self) -> Iterator[RelayPlace]:
        """Hold one connection, which is opened when something is sent."""
        session = self._take()
        try:
            yield RelayPlace(session)
        finally:
            with self._lock:
                self._busy.discard(session)
                self._idle.append((session, time.monotonic()))

    def _take(self) -> Session:
        with self._lock:
            session = self._idle.pop()[0] if self._idle else Session(self._endpoint)
            self._busy.add(session)
            return session

    def tidy(self) -> None:
        """Close what nobody has used for a while."""
        oldest = time.monotonic() - IDLE_SECONDS
        with self._lock:
            stale = [session for session, used in self._idle if used < oldest]
            self._idle = [(session, used) for session, used in self._idle if used >= oldest]
        for session in stale:
            session.close()

    def interrupt(self) -> None:
        """Cut every connection that is at work."""
        with self._lock:
            busy = list(self._busy)
        for session in busy:
            session.abort()

    def close(self) -> None:
        """Say QUIT to the relay on every idle connection."""
        with self._lock:
            idle, self._idle = self._idle, []
        for session, _ in idle:
            session.close()


class RelayPlace:
    """One connection, held by one delivery until its outcome is settled."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def send(self, envelope: Envelope) -> Outcome:
        """Hand one copy to the relay."""
        outcomes = self._session.send(
            envelope.mail_from, [envelope.rcpt_to], envelope.content, envelope.may_send
        )
        return outcomes[envelope.rcpt_to]


def endpoint_of(url: str, helo_name: str) -> Endpoint:
    """Return where and how `smtp://user:password@host:port?tls=starttls` says to send.

    Options: `tls` (none, opportunistic, starttls, tls), `verify` (true, false) and
    `auth_in_clear` (true, false). Raises ImproperlyConfigured with what to do.
    """
    parts = urlsplit(url)
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if unknown := sorted(options.keys() - OPTIONS):
        raise _wrong(f"has no option {', '.join(unknown)}; there are {', '.join(sorted(OPTIONS))}")
    default_mode = "tls" if parts.scheme == "smtps" else "opportunistic"
    mode = TLS_MODES.get(options.get("tls", default_mode))
    if mode is None:
        raise _wrong(f"has tls={options['tls']}; choose one of {', '.join(TLS_MODES)}")
    port = None
    with suppress(ValueError):
        port = parts.port or DEFAULT_PORTS.get(mode, 25)
    if port is None or not parts.hostname:
        raise _wrong("names no host and port that can be used")
    credentials = None
    if parts.username:
        credentials = Credentials(unquote(parts.username), unquote(parts.password or ""))
    return Endpoint(
        parts.hostname,
        port,
        helo_name,
        tls=TlsPolicy(mode, verify=_switch(options, "verify", "true")),
        credentials=credentials,
        auth_in_clear=_switch(options, "auth_in_clear", "false"),
    )


def _switch(options: dict[str, str], name: str, default: str) -> bool:
    value = options.get(name, default)
    if value not in ("true", "false"):
        raise _wrong(f"has {name}={value}; give true or false")
    return value == "true"


def _wrong(fault: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(
        f"SMTP_RELAY_URL {fault}. "
        "Give a URL like smtp://user:password@relay.example.com:587?tls=starttls."
    )
