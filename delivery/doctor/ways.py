"""Which ways mail leaves: by MAIL_TRANSPORT and by the routes that staff set beside it."""

from __future__ import annotations

from delivery.doctor.examination import Examination
from delivery.doctor.parts import database_answers
from delivery.routing import stored_rules


def sends_itself(examination: Examination) -> bool:
    """Tell whether any mail leaves by the built-in mail server, be it where a relay is away."""
    if examination.transport == "mx":
        return True
    return database_answers() and any("mx" in rule.ways for rule in stored_rules())
