"""Whether a server that offers CHUNKING can be trusted with a chunk (RFC 3030)."""

from __future__ import annotations

from .deadlines import Deadline
from .dialogue import Dialogue
from .replies import Reply


def is_unknown(reply: Reply) -> bool:
    """Whether not the mail is refused but the command BDAT (RFC 5321 §4.2.4)."""
    return reply.code in (500, 502, 504)


def discards_chunks(dialogue: Dialogue, deadline: Deadline) -> bool:
    """Send a chunk out of turn, which the server must refuse and discard.

    There are servers that go on to read a refused chunk as commands. Over these a mail, refused
    by MAIL or RCPT, would smuggle in others that it holds. So the chunk is a command that no
    server knows, and must bring no answer of its own before that to NOOP.
    """
    chunk = "CHUNK"
    dialogue.write([f"BDAT {len(chunk) + 2} LAST", chunk, "NOOP"], deadline)
    answer, after = dialogue.read(deadline), dialogue.read(deadline)
    if not after.positive:
        dialogue.read(deadline)  # the answer to NOOP, now that the chunk has had one
        return False
    return not is_unknown(answer)
