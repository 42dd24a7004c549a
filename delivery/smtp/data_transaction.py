"""A mail by DATA, body and final dot (RFC 5321 §4.1.1.4): two round trips where it pipelines."""

from __future__ import annotations

from collections.abc import Callable

from .data import END_OF_DATA
from .deadlines import Deadline
from .errors import ProtocolError
from .outcome import Phase
from .transaction import Transaction
from .transfer import heed_unasked_reply, part, send_bulk


class DataTransaction(Transaction):
    """What every server speaks. A small mail leaves in one piece with its dot."""

    def _converse(self, before_dot: Callable[[], bool]) -> None:
        ask = self._ask_at_once if self._offered.pipelining else self._ask_in_turn
        if not ask():
            return
        if self._open:
            self._transfer(before_dot)
        else:
            self._end_empty()

    def _ask_at_once(self) -> bool:
        """MAIL, each RCPT and DATA in one go (RFC 2920); true when the server awaits data."""
        recipients = self._open
        self._write(*self._envelope(recipients), "DATA")
        self._read_envelope(recipients)
        return self._read_data()

    def _ask_in_turn(self) -> bool:
        recipients = self._open
        mail, *rcpt = self._envelope(recipients)
        self._write(mail)
        self._read_mail()
        if not self._open:
            return False
        self._enter(Phase.RCPT)
        for recipient, command in zip(recipients, rcpt, strict=True):
            self._write(command)
            self._read_rcpt(recipient)
        if not self._open:
            return False
        self._enter(Phase.DATA)
        self._write("DATA")
        return self._read_data()

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
        bulk, last = part(self._mail.wire.data)
        send_bulk(self._dialogue, bulk, self._timeouts)
        if not self._may_leave(before_dot):
            self.intact = False  # without the dot the server must drop it (RFC 5321 §4.1.1.4)
            return
        heed_unasked_reply(self._dialogue, self._timeouts)  # lest it be taken for the verdict
        self._send_last(b"".join((last, END_OF_DATA)))
        self._read_verdict()
