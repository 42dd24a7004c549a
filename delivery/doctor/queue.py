"""Whether mail flows: for how long the oldest due row has waited."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import Error

from delivery.doctor.examination import Examination
from delivery.doctor.verdict import Level, Verdict
from emails import backlog

QUERY_SECONDS = 5.0
LATE = 60.0
TOO_LATE = 600.0


def check_queue(examination: Examination) -> Iterator[Verdict]:
    """Ask what waits longest."""
    try:
        waited = backlog.oldest_due_seconds(QUERY_SECONDS)
    except (backlog.TooSlow, Error) as error:
        yield Verdict(
            "queue",
            "recipients",
            Level.UNKNOWN,
            f"The queue could not be read: {str(error).strip() or 'it took too long'}",
            "See what is said of the database.",
        )
        return
    if waited < LATE:
        yield Verdict("queue", "recipients", Level.OK, "No mail waits that could be on its way.")
        return
    yield Verdict(
        "queue",
        "recipients",
        Level.WARNING if waited < TOO_LATE else Level.PROBLEM,
        f"The mail that waits longest could have left {waited / 60:.0f} minutes ago.",
        "See that workers run (celery -A mailer worker) and what they log, and start more of them.",
    )
