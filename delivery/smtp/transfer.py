"""The mail data on its way, under a floor on the data rate."""

from __future__ import annotations

from .deadlines import Deadline, Timeouts
from .dialogue import Dialogue
from .errors import ProtocolError, Refused, SessionError

BLOCK = 64 * 1024
"""Bytes of mail data that share one `Timeouts.data_block`, and the most that leave at once."""


def part(data: bytes) -> tuple[memoryview, memoryview]:
    """The bulk of a mail, and its last block, before which we ask: small mail has no bulk."""
    view = memoryview(data)
    cut = max(0, len(data) - BLOCK)
    return view[:cut], view[cut:]


def send_bulk(dialogue: Dialogue, bulk: memoryview, timeouts: Timeouts) -> None:
    """Send all but the last block. Raises SessionError when that fails, or the server objects."""
    deadline = Deadline(timeouts.transfer(len(bulk)))
    for start in range(0, len(bulk), BLOCK):
        heed_unasked_reply(dialogue, timeouts)
        block = bulk[start : start + BLOCK]
        _send(dialogue, block, timeouts, deadline.within(timeouts.data_block))


def send_last(dialogue: Dialogue, data: bytes, timeouts: Timeouts) -> None:
    """Send what ends a mail, one block; when this raises SessionError, its last byte never left."""
    _send(dialogue, data, timeouts, Deadline(timeouts.data_block))


def _send(
    dialogue: Dialogue, block: bytes | memoryview, timeouts: Timeouts, deadline: Deadline
) -> None:
    try:
        dialogue.channel.send(block, deadline)
    except SessionError:
        heed_unasked_reply(dialogue, timeouts)  # it says more than "broken pipe"
        raise


def heed_unasked_reply(dialogue: Dialogue, timeouts: Timeouts) -> None:
    """Return when the server waits for us, as it should.

    Servers that refuse a mail halfway answer and hang up without it. Raises Refused with that
    answer, ConnectionLost for none, ProtocolError for one that is no refusal.
    """
    if dialogue.channel.is_quiet():
        return
    reply = dialogue.read(Deadline(timeouts.courtesy))
    if reply.transient or reply.permanent:
        raise Refused(reply)
    raise ProtocolError(f"answer that was not asked for: {reply}")
