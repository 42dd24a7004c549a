"""What a way out looks like to the pump."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from delivery.smtp import Outcome


@dataclass(frozen=True, slots=True)
class Envelope:
    """One copy, ready to leave: RFC 5321's envelope and the bytes of the message."""

    message_id: str  # ours, msg_…
    project_id: int
    recipient_id: int
    attempt: int
    mail_from: str
    rcpt_to: str
    content: bytes  # CRLF line ends, not dot-stuffed
    may_send: Callable[[], bool]  # asked just before the mail can no longer be taken back


class Session(Protocol):
    """One place on the way out. It takes its next mail only after the last one is settled."""

    def admit(self) -> Outcome | None:
        """Take a place, once and before the mail is composed, which costs most of all.

        None where there is one; else what comes of the mail, which is then not sent.
        """

    def send(self, envelope: Envelope) -> Outcome:
        """Try once. Refusals and network trouble are outcomes; exceptions are bugs.

        ABANDONED: nothing was sent, for no fault of the mail; it is given back to the queue, due
        after the outcome's `wait`.
        """

    def release(self) -> None:
        """Give the place up for the next mail; called once, by whatever thread."""


class Transport(Protocol):
    """A way out of the machine. All deliveries of a worker use it in turns, in one thread.

    So nothing may block in it: what has to wait does so by WAITER (`delivery.smtp.waiting`) or by
    a Condition (`delivery.condition`), and holds no lock meanwhile. `tidy` and what follows are
    called by other threads.
    """

    name: str

    def session(
        self, rcpt_to: str, project_id: int, *, patient: bool = True, urgent: bool = False
    ) -> Session:
        """Return a place for a project's mail to an address, held until its outcome is settled.

        Not `patient`: there is another way, so nothing is gained by waiting until this one is back.
        `urgent`: what else waits for the same place is not ahead, but for what is urgent too.
        """

    def tidy(self) -> None:
        """Close what was idle for long; called every few seconds."""

    def connections(self) -> int:
        """Return how many connections are open; asked at any time, by any thread."""

    def admit_no_more(self) -> None:
        """Let finish what is on its way; who waits for a place, or comes later, gets ABANDONED."""

    def interrupt(self) -> None:
        """End what is on its way now, for ever: who waits for a reply gets an outcome without one.

        Who waits for a place, or comes later, gets ABANDONED.
        """

    def close(self) -> None:
        """Give connections back."""
