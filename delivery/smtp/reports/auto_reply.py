"""Tells what programs answer by themselves (RFC 3834) from what people write."""

from __future__ import annotations

import re

from .fields import Fields, parts_of, text_of

# Programs that answer for somebody who is away and do not say so by Auto-Submitted
_MARKS = ("X-Autoreply", "X-Autorespond", "X-Auto-Response-Suppress")
_PRECEDENCE = ("auto_reply", "auto-reply")
_MASS = ("bulk", "junk", "list")
_SUBJECT = re.compile(
    r"^(?:re: ?)?(?:out of (?:the )?office|auto(?:matic|mated)?[ -]?(?:reply|response|antwort)|"
    r"autoreply|autoresponder|abwesen|vacation|away from|i am away|on (?:vacation|holiday|leave)|"
    r"r[ée]ponse automatique|absence|respuesta autom|fuera de la oficina|risposta automatica|"
    r"automatisch|ooo\b)",
    re.IGNORECASE,
)
_DAEMON = re.compile(
    r"mailer-daemon|mdaemon|postmaster|mail delivery|mail administrator", re.IGNORECASE
)


def is_auto_reply(message: Fields) -> bool:
    """Tell whether a program wrote it, by its own word or by what such programs are known for."""
    submitted = text_of(message, "Auto-Submitted").partition(";")[0].strip().lower()
    if submitted and submitted != "no":
        return True
    if any(name in message for name in _MARKS):
        return True
    if any(parts_of(message, "message/disposition-notification")):  # RFC 8098: it was read
        return True
    if text_of(message, "Precedence").lower() in _PRECEDENCE:
        return True
    return bool(_SUBJECT.match(text_of(message, "Subject")))


def is_mass_answer(message: Fields) -> bool:
    """Tell whether it answers as mass mail: so do old programs, but also some that bounce."""
    answers = "In-Reply-To" in message or "References" in message
    return answers and text_of(message, "Precedence").lower() in _MASS


def is_from_daemon(message: Fields) -> bool:
    """Tell whether a mail server wrote it, as it writes bounces."""
    sender = text_of(message, "From")
    return sender.endswith("<>") or bool(_DAEMON.search(sender))
