"""The mail data on its way, under a floor on the data rate."""

from __future__ import annotations

from .deadlines import Deadline, Timeouts
from .dialogue import Dialogue
from .errors import ProtocolError, Refused, SessionError

BLOCK = 64 * 1024
"""Bytes of mail data that share one `Timeouts.data_block`."""


def send_data(dialogue: Dialogue, data: bytes, timeouts: Timeouts) -> None:
    """Send stuffed mail data without its final dot. Raises SessionError when that fails."""
    deadline = Deadline(timeouts.transfer(len(data)))
    view = memoryview(data)
    try:
        for start in range(0, len(data), BLOCK):
            block = view[start : start + BLOCK]
            dialogue.channel.send(block, deadline.within(timeouts.data_block))
    except SessionError:
        heed_early_reply(dialogue, timeouts)  # it says more than "broken pipe"
        raise


def heed_early_reply(dialogue: Dialogue, timeouts: Timeouts) -> None:
    """Return when the server waits for the final dot, as it should.

    Servers that refuse a mail halfway answer and hang up without it. Raises Refused with that
    answer, ConnectionLost for none, ProtocolError for one that is no refusal.
    """
    if dialogue.channel.is_quiet():
        return
    reply = dialogue.read(Deadline(timeouts.courtesy))
    if reply.transient or reply.permanent:
        raise Refused(reply)
    raise ProtocolError(f"answer before the final dot: {reply}")
