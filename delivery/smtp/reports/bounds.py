"""How much of a stranger's mail is taken apart.

The parser makes a message of each part, and compares each line with all boundaries that are open.
"""

from __future__ import annotations

import re
from email import message_from_bytes
from typing import Final

from .fields import Fields

MOST_READ: Final = 131_072
"""Bytes. A report tells in its first parts what it tells (RFC 6522 §3); the mail comes last."""
MOST_BOUNDARIES: Final = 30
MOST_PARAMETERS: Final = 200  # of one field; they are read in time of their number squared

_CONTENT_FIELD = re.compile(rb"^content-[^\n]*(?:\n[ \t][^\n]*)*", re.IGNORECASE | re.MULTILINE)


class TooIntricate(ValueError):
    """It has more multiparts, or parameters in a field, than any mail of a mail server."""


def parsed(content: bytes) -> Fields:
    """Return the beginning of a mail. Raises TooIntricate, and what the parser does."""
    beginning = content[:MOST_READ]
    if beginning.lower().count(b"boundary") > MOST_BOUNDARIES:
        raise TooIntricate
    if any(field[0].count(b";") > MOST_PARAMETERS for field in _CONTENT_FIELD.finditer(beginning)):
        raise TooIntricate
    return message_from_bytes(beginning)
