"""A submission listener of the test's own, and clients of it."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from delivery.listeners.certificate import Certificate
from delivery.listeners.database import Desk
from delivery.listeners.limits import Limits
from delivery.listeners.logins import Failures
from delivery.listeners.server import Server
from delivery.listeners.submission import SubmissionConversation

HOST = "127.0.0.1"


@contextmanager
def listening(
    certificate: Certificate | None = None,
    *,
    implicit_tls: bool = False,
    failures: Failures | None = None,
    **limits: float,
) -> Iterator[Server]:
    """A listener at a free port, stopped at the end."""
    desk, counted = Desk("submission", 4), failures or Failures()
    server = Server(
        "submission",
        (HOST, 0),
        lambda room: SubmissionConversation(room, desk, counted),
        limits=Limits(**{"greeting_pause": 0.0, "line_bytes": 10_000_000} | limits),
        certificate=certificate,
        implicit_tls=implicit_tls,
    )
    server.start()
    try:
        yield server
    finally:
        server.stop(5)
        desk.close()


def connected(server: Server, key: str = "") -> smtplib.SMTP:
    """A client in the clear, logged in with `key` where there is one."""
    client = smtplib.SMTP(*server.address, timeout=30)
    client.ehlo()
    if key:
        client.login("anybody", key)
    return client


def trusting(chain: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=chain)


def reply_of(error: smtplib.SMTPResponseException) -> str:
    """Code and text of a refusal."""
    said = error.smtp_error
    return f"{error.smtp_code} {said.decode() if isinstance(said, bytes) else said}"
