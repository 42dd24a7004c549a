"""The constant part of an attempt's outcomes: who was talked to, how, and since when."""

from __future__ import annotations

from time import monotonic
from typing import NamedTuple

from .errors import Refused, SessionError
from .outcome import Outcome, OutcomeKind, Phase, TlsInfo, classify
from .replies import Reply


class Attempt(NamedTuple):
    """Makes the outcomes of one attempt; `started` is a `time.monotonic()` in seconds.

    `public`: see Endpoint.
    """

    host: str
    tls: TlsInfo | None
    started: float
    public: bool = False

    def answered(self, reply: Reply, phase: Phase) -> Outcome:
        """The server's own word."""
        return self._outcome(
            classify(reply, phase, public=self.public),
            phase,
            str(reply),
            reply=reply,
            status=reply.enhanced,
        )

    def broken(self, error: SessionError, phase: Phase) -> Outcome:
        """The session ended; in phase DOT without a reply, which leaves the outcome ambiguous."""
        if isinstance(error, Refused):
            return self.answered(error.reply, phase)
        return self._outcome(OutcomeKind.DEFERRED, phase, str(error), ambiguous=phase is Phase.DOT)

    def unsendable(self, status: str, detail: str, phase: Phase) -> Outcome:
        """Decided here from what the server offers, without asking it."""
        return self._outcome(OutcomeKind.BOUNCED, phase, f"{status} {detail}", status=status)

    def abandoned(self) -> Outcome:
        """Stopped by `before_dot`."""
        return self._outcome(
            OutcomeKind.ABANDONED, Phase.BODY, "given up by the sender before the final dot"
        )

    def _outcome(
        self,
        kind: OutcomeKind,
        phase: Phase,
        detail: str,
        *,
        reply: Reply | None = None,
        status: str | None = None,
        ambiguous: bool = False,
    ) -> Outcome:
        duration = monotonic() - self.started
        return Outcome(kind, phase, self.host, detail, reply, status, ambiguous, self.tls, duration)
