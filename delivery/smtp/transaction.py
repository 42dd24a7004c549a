"""One mail over an open connection (RFC 5321 §3.3): what its two forms, DATA and BDAT, share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from .attempt import Attempt
from .crashpoints import reached
from .deadlines import Deadline, Timeouts
from .dialogue import Dialogue
from .envelope import Mail
from .errors import ProtocolError, Refused, SessionError
from .extensions import Extensions
from .outcome import Outcome, Phase
from .replies import Reply
from .transfer import send_last
from .unsendable import unsendable


class Transaction(ABC):
    """Runs once. Afterwards `outcomes` has one entry for each recipient.

    `kept`: the connection carried mail before.

    `intact`: the connection may take another mail. `finished`: the server holds nothing of this
    one any more, so that no RSET is needed.
    """

    def __init__(
        self,
        dialogue: Dialogue,
        offered: Extensions,
        timeouts: Timeouts,
        attempt: Attempt,
        mail: Mail,
        *,
        kept: bool = False,
    ) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self.intact = True
        self.finished = True
        self._dialogue = dialogue
        self._offered = offered
        self._timeouts = timeouts
        self._attempt = attempt
        self._mail = mail
        self._phase = Phase.MAIL
        self._deadline = Deadline(timeouts.kept if kept else timeouts.command)
        self._open = [*mail.recipients]  # without an outcome, in order
        self._has_left = False

    def run(self, before_dot: Callable[[], bool]) -> None:
        """Try to deliver; each way that this can end is an outcome, none an exception."""
        self.outcomes = unsendable(self._mail, self._offered, self._attempt)
        self._open = [each for each in self._mail.recipients if each not in self.outcomes]
        if not self._open:
            return
        self.finished = False
        try:
            self._converse(before_dot)
        except SessionError as error:
            self._settle_open(self._broken(error))
            self.intact = False

    @abstractmethod
    def _converse(self, before_dot: Callable[[], bool]) -> None:
        """Say all that there is to say. Raises SessionError where that breaks off."""

    def _broken(self, error: SessionError) -> Outcome:
        """Once the last byte has left, only a reply tells that the mail was not taken."""
        silent = self._has_left and not isinstance(error, Refused)
        return self._attempt.broken(error, Phase.DOT if silent else self._phase)

    # Replies

    def _read_envelope(self, recipients: Sequence[str]) -> None:
        """Every reply is read, whatever the ones before it said."""
        self._read_mail()
        for recipient in recipients:
            self._read_rcpt(recipient)

    def _read_mail(self) -> None:
        reply = self._read(Phase.MAIL)
        if not reply.positive:
            self._settle_open(self._attempt.answered(reply, Phase.MAIL))

    def _read_rcpt(self, recipient: str) -> None:
        reply = self._read(Phase.RCPT)
        if not reply.positive:
            self._refuse(recipient, reply)
        elif recipient in self.outcomes:  # a lone dot would now deliver an empty mail
            raise ProtocolError("recipient taken though the sender was refused")

    def _read_verdict(self) -> None:
        """The answer to the whole mail."""
        self._settle_mail(self._read(Phase.DOT))

    def _settle_mail(self, reply: Reply) -> None:
        self._settle_open(self._attempt.answered(reply, Phase.DOT))
        self.finished = reply.positive

    def _read(self, phase: Phase) -> Reply:
        self._enter(phase)
        reply = self._dialogue.read(self._deadline)
        if reply.intermediate and phase is not Phase.DATA:
            raise ProtocolError(f"unexpected answer to {phase.upper()}: {reply}")
        return reply

    # The last bytes

    def _may_leave(self, before_dot: Callable[[], bool]) -> bool:
        """Ask before the last byte leaves; where the answer is no, all recipients are ABANDONED."""
        reached("before_dot")
        if before_dot():
            return True
        self.outcomes = dict.fromkeys(self._mail.recipients, self._attempt.abandoned())
        self._open = []
        return False

    def _send_last(self, data: bytes) -> None:
        """Send what ends the mail. From here on, no reply is ambiguous."""
        send_last(self._dialogue, data, self._timeouts)
        self._has_left = True
        self._deadline = Deadline(self._timeouts.final)
        reached("after_dot")

    # What these are made of

    def _refuse(self, recipient: str, reply: Reply) -> None:
        if recipient in self._open:
            self._open = [each for each in self._open if each != recipient]
            self.outcomes[recipient] = self._attempt.answered(reply, Phase.RCPT)

    def _settle_open(self, outcome: Outcome) -> None:
        self.outcomes |= dict.fromkeys(self._open, outcome)
        self._open = []

    def _envelope(self, recipients: Sequence[str]) -> list[str]:
        """MAIL and each RCPT."""
        mail = self._mail
        commands = [mail.mail_command(self._offered, recipients)]
        return commands + [mail.rcpt_command(recipient) for recipient in recipients]

    def _write(self, *commands: str) -> None:
        self._dialogue.write(commands, self._deadline)

    def _enter(self, phase: Phase) -> None:
        """All commands of a phase share its one deadline; once the mail has left, all do."""
        if phase is not self._phase:
            self._phase = phase
            if not self._has_left:
                self._deadline = Deadline(self._seconds_for(phase))

    def _seconds_for(self, phase: Phase) -> float:
        return self._timeouts.data if phase is Phase.DATA else self._timeouts.command
