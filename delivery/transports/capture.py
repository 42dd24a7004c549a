"""Development: mail is written to a folder and shown at /inbox; nothing leaves the machine."""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path

from delivery.smtp import Outcome, OutcomeKind, Phase, Reply
from delivery.smtp.waiting import WAITER
from delivery.transports.base import Envelope


class CaptureTransport:
    """Writes each copy as `<outbox>/<message id>-<recipient>-<attempt>.eml`."""

    name = "capture"

    def __init__(self, outbox: Path) -> None:
        self._outbox = outbox
        outbox.mkdir(parents=True, exist_ok=True)

    def session(
        self, rcpt_to: str, project_id: int, *, patient: bool = True, urgent: bool = False
    ) -> CaptureTransport:
        """Folders have room for everybody."""
        return self

    def admit(self) -> None:
        """Nobody has to wait."""

    def release(self) -> None:
        """Nothing is held."""

    def send(self, envelope: Envelope) -> Outcome:
        """Write the file, whole and durable before it can be seen."""
        begun = time.monotonic()
        if not envelope.may_send():
            return Outcome(OutcomeKind.ABANDONED, Phase.DOT, self.name, "the lease ran out")
        name = f"{envelope.message_id}-{envelope.recipient_id}-{envelope.attempt}.eml"
        content = _trace(envelope) + envelope.content
        WAITER.get().elsewhere(partial(write_durably, self._outbox / name, content))
        return Outcome(
            OutcomeKind.DELIVERED,
            Phase.DOT,
            self.name,
            "",
            reply=Reply(250, "2.0.0", f"Captured as {name}"),
            duration=time.monotonic() - begun,
        )

    def tidy(self) -> None:
        """Nothing is kept open."""

    def connections(self) -> int:
        """A folder needs none."""
        return 0

    def admit_no_more(self) -> None:
        """Nobody waits here."""

    def interrupt(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """Nothing is open."""


def _trace(envelope: Envelope) -> bytes:
    """What a server writes on top at the final delivery (RFC 5321 §4.4), so Bcc can be told."""
    return f"Return-Path: <{envelope.mail_from}>\r\nDelivered-To: {envelope.rcpt_to}\r\n".encode()


def write_durably(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, also after a power loss."""
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
