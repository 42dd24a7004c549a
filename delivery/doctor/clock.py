"""Whether this machine's clock is right, by the database's and, if allowed, another server's."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from django.db import Error, connection
from django.utils import timezone

from delivery.doctor.examination import Examination
from delivery.doctor.verdict import Level, Verdict

OFF = 5.0
FAR_OFF = 60.0


def check_clock(examination: Examination) -> Iterator[Verdict]:
    """Compare. A database in a file has no clock of its own."""
    if connection.vendor == "postgresql":
        yield from _by_database()
    if examination.time_url:
        yield _by_server(examination)


def judged(about: str, seconds: float) -> Verdict:
    """Return what a difference of so many seconds means; ours is ahead where it is positive."""
    if abs(seconds) < OFF:
        return Verdict("clock", about, Level.OK, f"The clock agrees with {about}.")
    way = "ahead of" if seconds > 0 else "behind"
    return Verdict(
        "clock",
        about,
        Level.WARNING if abs(seconds) < FAR_OFF else Level.PROBLEM,
        f"The clock of this machine is {abs(seconds):.0f} seconds {way} that of {about}.",
        "Let both be set by NTP (systemd-timesyncd, chrony). Scheduled mail leaves at a wrong "
        "time, and receivers distrust a Date that is off.",
    )


def _by_database() -> Iterator[Verdict]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            theirs = cursor.fetchone()[0]
    except Error:
        return  # said already
    yield judged("the database", (timezone.now() - theirs).total_seconds())


def _by_server(examination: Examination) -> Verdict:
    url = examination.time_url
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310  the command takes http(s)
    try:
        with urllib.request.urlopen(request, timeout=examination.seconds) as answer:  # noqa: S310
            date = answer.headers["Date"]
    except urllib.error.HTTPError as refusal:
        date = refusal.headers["Date"]
    except OSError as error:
        return _unknown(url, f"does not answer: {error}")
    if not date:
        return _unknown(url, "names no date")
    # A Date has whole seconds: it is on average half a second old.
    ours = datetime.now(UTC)
    return judged(url, (ours - parsedate_to_datetime(date)).total_seconds() - 0.5)


def _unknown(url: str, why: str) -> Verdict:
    return Verdict(
        "clock",
        url,
        Level.UNKNOWN,
        f"The clock could not be compared: {url} {why}.",
        "Give another --time-url, or leave it out.",
    )
