"""Mail after mail to one server, over a connection that is kept while it serves."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from time import monotonic

from .connection import Connection
from .endpoint import Endpoint
from .envelope import Mail
from .outcome import Outcome, OutcomeKind, Phase

logger = logging.getLogger(__name__)


class Session:
    """Used by one at a time; only `abort` may be called from others, and it is for ever.

    `max_idle` is in seconds: a connection that lay longer is not trusted again, since middle
    boxes forget it without a word. One that lay for `doubt_after` seconds is asked whether it
    lives where mail goes by BDAT, all at once.
    """

    def __init__(
        self, endpoint: Endpoint, *, max_idle: float = 30.0, doubt_after: float = 1.0
    ) -> None:
        self._endpoint = endpoint
        self._max_idle = max_idle
        self._doubt_after = doubt_after
        self._connection = Connection(endpoint)
        self._last_used = monotonic()
        self._aborted = False

    def send(
        self, sender: str, recipients: Sequence[str], message: bytes, before_dot: Callable[[], bool]
    ) -> dict[str, Outcome]:
        """Like Connection.send, opening a connection where there is none to reuse.

        A kept connection that turns out to be dead when MAIL is sent is replaced once: nothing
        of the mail can have arrived. So is one whose server offers BDAT and breaks with it: from
        then on this session uses DATA.
        """
        mail = Mail.prepare(sender, recipients, message)
        reused = self._may_reuse()
        outcomes = self._deliver(mail, before_dot, reuse=reused)
        if reused and not self._connection.is_open and _died_at_mail(outcomes):
            outcomes = self._deliver(mail, before_dot, reuse=False)
        misread = _misread(outcomes) if self._connection.sends_chunks else []
        if misread and not self._aborted:
            self._avoid_chunks(outcomes[misread[0]])
            outcomes |= self._deliver(mail.only(misread), before_dot, reuse=False)
        self._last_used = monotonic()
        return outcomes

    @property
    def is_open(self) -> bool:
        """Whether a connection is open, as far as we know; may be asked from any thread."""
        return self._connection.is_open

    def close(self) -> None:
        """End the connection with QUIT. The session may be used again."""
        self._connection.quit()

    def abort(self) -> None:
        """Cut what is going on, from any thread; a mail that awaits its last reply is ambiguous."""
        self._aborted = True
        self._connection.abort()

    def _may_reuse(self) -> bool:
        idle = monotonic() - self._last_used
        doubtful = self._connection.sends_chunks and idle > self._doubt_after
        return idle <= self._max_idle and self._connection.is_reusable(certainly=doubtful)

    def _avoid_chunks(self, outcome: Outcome) -> None:
        logger.warning("%s: %s; mail goes by DATA", outcome.host, outcome.detail)
        self._endpoint = replace(self._endpoint, chunking=False)

    def _deliver(
        self, mail: Mail, before_dot: Callable[[], bool], *, reuse: bool
    ) -> dict[str, Outcome]:
        failure = None if reuse else self._reconnect()
        if failure is not None:
            return dict.fromkeys(mail.recipients, failure)
        return self._connection.deliver(mail, before_dot)

    def _reconnect(self) -> Outcome | None:
        self._connection.quit()
        self._connection = Connection(self._endpoint)
        if self._aborted:  # by a thread that saw only the connection of before
            self._connection.abort()
        return self._connection.open()


def _died_at_mail(outcomes: dict[str, Outcome]) -> bool:
    return any(
        outcome.phase is Phase.MAIL and outcome.kind is OutcomeKind.DEFERRED
        for outcome in outcomes.values()
    )


def _misread(outcomes: dict[str, Outcome]) -> list[str]:
    """The recipients that a mail by BDAT might reach by DATA."""
    return [address for address, outcome in outcomes.items() if outcome.phase is Phase.DATA]
