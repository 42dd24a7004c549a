"""A mail by BDAT (RFC 3030): one round trip, for servers that take CHUNKING and PIPELINING."""

from __future__ import annotations

from collections.abc import Callable

from .chunks import is_unknown
from .deadlines import Deadline
from .dialogue import to_lines
from .errors import ProtocolError, Refused, SessionError
from .outcome import Outcome, Phase
from .replies import Reply
from .transaction import Transaction
from .transfer import part, send_bulk


class ChunkTransaction(Transaction):
    """A small mail is one write: MAIL, each RCPT, and the message as the last and only chunk.

    A large one asks first, and holds its last block back in a chunk of its own. Who was refused
    keeps that refusal, whatever the answer to a chunk: without recipients the server discards it.

    Phase DATA means that the server offers BDAT and does not know it. It has not taken the mail,
    but read it as commands, so that this connection is of no further use.
    """

    def _converse(self, before_dot: Callable[[], bool]) -> None:
        bulk, last = part(self._mail.wire.content)
        if not bulk:
            self._send_at_once(last, before_dot)
        elif self._ask() and self._send_bulk(bulk) and self._may_leave(before_dot):
            self._send_last(_last_chunk(last))
            self._read_verdict()

    def _send_at_once(self, message: memoryview, before_dot: Callable[[], bool]) -> None:
        if not self._may_leave(before_dot):
            self.finished = True  # it was not even begun
            return
        recipients = self._open
        self._send_last(to_lines(self._envelope(recipients)) + _last_chunk(message))
        self._read_envelope(recipients)
        self._read_verdict()

    def _ask(self) -> bool:
        """MAIL and each RCPT; true when somebody is left to send to."""
        recipients = self._open
        self._write(*self._envelope(recipients))
        self._read_envelope(recipients)
        return bool(self._open)

    def _send_bulk(self, bulk: memoryview) -> bool:
        """The first chunk of a large mail; true when the server has taken it."""
        self._enter(Phase.BODY)
        self._write(f"BDAT {len(bulk)}")
        send_bulk(self._dialogue, bulk, self._timeouts)
        self._deadline = Deadline(self._timeouts.data_block)
        reply = self._read_answer(Phase.BODY)
        if not reply.positive:
            self._settle_open(self._attempt.answered(reply, Phase.BODY))
        return reply.positive

    def _read_verdict(self) -> None:
        reply = self._read_answer(Phase.DOT)
        if reply.positive and not self._open:
            raise ProtocolError(f"mail taken though every recipient was refused: {reply}")
        self._settle_mail(reply)

    def _read_answer(self, phase: Phase) -> Reply:
        reply = self._read(phase)
        if is_unknown(reply):
            raise Refused(reply)
        return reply

    def _broken(self, error: SessionError) -> Outcome:
        if isinstance(error, Refused) and is_unknown(error.reply):
            misread = ProtocolError(f"CHUNKING is offered, but BDAT not known: {error.reply}")
            return self._attempt.broken(misread, Phase.DATA)
        return super()._broken(error)


def _last_chunk(data: memoryview) -> bytes:
    return b"".join((to_lines([f"BDAT {len(data)} LAST"]), data))
