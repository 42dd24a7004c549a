"""What a submission is answered: ApiErrors and failures as SMTP replies (RFC 5321, RFC 3463)."""

from __future__ import annotations

import logging
import re
from typing import Final

from django.db import InterfaceError, OperationalError

from accounts.errors import ApiError

logger = logging.getLogger(__name__)

TEXT_LIMIT: Final = 450  # a reply has 512 octets at most (RFC 5321 §4.5.3.1.5)
AWAY: Final = "451 4.3.0 This can't be accepted now. Nothing was: send it again later."
_SPACE = re.compile(r"\s+")

# aiosmtpd gives no enhanced codes (RFC 2034) to what it answers itself.
_ENHANCED: Final = {
    "221": "2.0.0",
    "421": "4.3.2",
    "500": "5.5.2",
    "501": "5.5.4",
    "502": "5.5.1",
    "503": "5.5.1",
    "504": "5.5.4",
    "530": "5.7.0",
    "552": "5.3.4",
    "554": "5.5.0",
    "555": "5.5.4",
}
_HAS_CODE = re.compile(r"\d{3} [245]\.\d{1,3}\.\d{1,3} ")


def refusal(error: Exception) -> str:
    """Return the reply for what kept a message from being accepted."""
    if isinstance(error, ApiError):
        return reply(_codes(error), _reasons(error))
    if isinstance(error, OperationalError | InterfaceError):
        logger.error("the database is out of reach: %s", error)
    else:
        logger.error("a submission failed", exc_info=error)
    return AWAY


def reply(codes: str, text: str) -> str:
    """Return codes with text as it can stand in a reply: one line of printable ASCII."""
    line = _SPACE.sub(" ", text).encode("ascii", "backslashreplace").decode()
    return f"{codes} {line if len(line) <= TEXT_LIMIT else line[: TEXT_LIMIT - 3] + '...'}"


def with_enhanced_code(answer: str) -> str:
    """Return a reply that has an enhanced code where it may."""
    if answer == "250 OK":
        return "250 2.0.0 OK"
    code = _ENHANCED.get(answer[:3])
    return answer if code is None or _HAS_CODE.match(answer) else f"{answer[:3]} {code}{answer[3:]}"


def _codes(error: ApiError) -> str:
    match error.status_code, error.code:
        case 413, _:
            return "552 5.3.4"
        case 403, _:
            return "550 5.7.1"
        case _, "loop":
            return "554 5.4.6"
        case ((409 | 429), _):
            return "451 4.5.0"
        case status, _ if status >= 500:
            return "451 4.3.0"
    return "550 5.6.0"


def _reasons(error: ApiError) -> str:
    """Return what is wrong; the message of an InvalidRequest says only where."""
    if error.status_code != 400 or not error.fields:
        return error.message
    return " ".join(f"{name}: {' '.join(said)}" for name, said in error.fields.items())
