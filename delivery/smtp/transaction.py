"""One mail over an open connection: MAIL, RCPT, DATA, body and final dot (RFC 5321 §3.3)."""

from __future__ import annotations

from collections.abc import Callable

from .attempt import Attempt
from .crashpoints import reached
from .data import END_OF_DATA
from .deadlines import Deadline, Timeouts
from .dialogue import Dialogue
from .envelope import Mail
from .errors import ProtocolError, SessionError
from .extensions import Extensions
from .outcome import Outcome, Phase
from .replies import Reply
from .transfer import heed_early_reply, send_data


class Transaction:
    """Runs once. Afterwards `outcomes` has one entry for each recipient.

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
        self._deadline = Deadline(timeouts.command)

    def run(self, before_dot: Callable[[], bool]) -> None:
        """Try to deliver; each way that this can end is an outcome, none an exception."""
        self._settle_unsendable()
        if not self._open:
            return
        try:
            self._converse(before_dot)
        except SessionError as error:
            self._settle_open(self._attempt.broken(error, self._phase))
            self.intact = False

    # What this server cannot take

    def _settle_unsendable(self) -> None:
        wire, offered = self._mail.wire, self._offered
        if offered.size is not None and wire.size > offered.size:
            self._cannot("5.3.4", f"message of {wire.size} bytes, the server takes {offered.size}")
        elif wire.eight_bit and not offered.eight_bit_mime:
            self._cannot("5.6.3", "message holds 8-bit data, the server takes 7-bit only")
        elif not offered.smtputf8:
            self._settle_without_smtputf8()

    def _settle_without_smtputf8(self) -> None:
        if self._mail.sender.needs_smtputf8:
            self._cannot("5.6.7", "sender's address is not ASCII, the server has no SMTPUTF8")
        elif self._mail.wire.utf8_headers:
            self._cannot("5.6.9", "header is not ASCII, the server has no SMTPUTF8")
        reason = "recipient's address is not ASCII, the server has no SMTPUTF8"
        for recipient in self._open:
            if self._mail.recipients[recipient].needs_smtputf8:
                outcome = self._attempt.unsendable("5.6.7", reason, Phase.RCPT)
                self.outcomes[recipient] = outcome

    def _cannot(self, status: str, detail: str) -> None:
        self._settle_open(self._attempt.unsendable(status, detail, Phase.MAIL))

    # The conversation

    def _converse(self, before_dot: Callable[[], bool]) -> None:
        self.finished = False
        ask = self._ask_at_once if self._offered.pipelining else self._ask_in_turn
        if not ask():
            return
        if self._open:
            self._transfer(before_dot)
        else:
            self._end_empty()

    def _ask_at_once(self) -> bool:
        """MAIL, each RCPT and DATA in one go (RFC 2920); true when the server awaits data.

        Every reply is read, whatever the ones before it said.
        """
        recipients = self._open
        self._write(self._mail_command(), *map(self._mail.rcpt_command, recipients), "DATA")
        self._read_mail()
        for recipient in recipients:
            self._read_rcpt(recipient)
        return self._read_data()

    def _ask_in_turn(self) -> bool:
        self._write(self._mail_command())
        self._read_mail()
        for recipient in self._open:
            self._enter(Phase.RCPT)
            self._write(self._mail.rcpt_command(recipient))
            self._read_rcpt(recipient)
        if not self._open:
            return False
        self._enter(Phase.DATA)
        self._write("DATA")
        return self._read_data()

    def _read_mail(self) -> None:
        reply = self._read(Phase.MAIL)
        if not reply.positive:
            self._settle_open(self._attempt.answered(reply, Phase.MAIL))

    def _read_rcpt(self, recipient: str) -> None:
        reply = self._read(Phase.RCPT)
        if not reply.positive:
            self.outcomes.setdefault(recipient, self._attempt.answered(reply, Phase.RCPT))
        elif recipient in self.outcomes:  # a lone dot would now deliver an empty mail
            raise ProtocolError("recipient taken though the sender was refused")

    def _read_data(self) -> bool:
        reply = self._read(Phase.DATA)
        if reply.positive:
            raise ProtocolError(f"unexpected answer to DATA: {reply}")
        if not reply.intermediate:
            self._settle_open(self._attempt.answered(reply, Phase.DATA))
        return reply.intermediate

    def _end_empty(self) -> None:
        """DATA was taken though every recipient was refused: send nothing (RFC 2920 §3.1)."""
        self._dialogue.channel.send(END_OF_DATA, self._deadline)
        self._dialogue.read(Deadline(self._timeouts.command))

    def _transfer(self, before_dot: Callable[[], bool]) -> None:
        self._enter(Phase.BODY)
        send_data(self._dialogue, self._mail.wire.data, self._timeouts)
        reached("before_dot")
        if before_dot():
            self._end_mail()
        else:  # without the dot the server must drop what it has (RFC 5321 §4.1.1.4)
            self.outcomes = dict.fromkeys(self._mail.recipients, self._attempt.abandoned())
            self.intact = False

    def _end_mail(self) -> None:
        heed_early_reply(self._dialogue, self._timeouts)
        self._dialogue.channel.send(END_OF_DATA, Deadline(self._timeouts.data_block))
        self._phase = Phase.DOT  # the dot has left us: from here on, no reply is ambiguous
        reached("after_dot")
        reply = self._dialogue.read(Deadline(self._timeouts.final))
        if reply.intermediate:
            raise ProtocolError(f"unexpected answer to the final dot: {reply}")
        self._settle_open(self._attempt.answered(reply, Phase.DOT))
        self.finished = reply.positive

    # What these are made of

    @property
    def _open(self) -> list[str]:
        """The recipients without an outcome, in order."""
        return [address for address in self._mail.recipients if address not in self.outcomes]

    def _settle_open(self, outcome: Outcome) -> None:
        self.outcomes |= dict.fromkeys(self._open, outcome)

    def _mail_command(self) -> str:
        return self._mail.mail_command(self._offered, self._open)

    def _write(self, *commands: str) -> None:
        self._dialogue.write(commands, self._deadline)

    def _read(self, phase: Phase) -> Reply:
        self._enter(phase)
        reply = self._dialogue.read(self._deadline)
        if reply.intermediate and phase is not Phase.DATA:
            raise ProtocolError(f"unexpected answer to {phase.upper()}: {reply}")
        return reply

    def _enter(self, phase: Phase) -> None:
        """All commands of a phase share its one deadline."""
        if phase is not self._phase:
            self._phase = phase
            seconds = self._timeouts.data if phase is Phase.DATA else self._timeouts.command
            self._deadline = Deadline(seconds)
