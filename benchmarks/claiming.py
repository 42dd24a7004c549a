"""Times claims and their releases by the platform's own code: `python -m benchmarks.claiming N`.

It writes the median of a claim of 100 rows and its release, in milliseconds.
"""

import os
import statistics
import sys
import time

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "mailer.settings"
django.setup()

from emails import giving_back, transitions  # noqa: E402

LIMIT, LEASE_SECONDS = 100, 60
WARM_UP = 5


def timed() -> float:
    """Claim and release once; return the milliseconds."""
    begins = time.perf_counter()
    token, taken = transitions.claim(LIMIT, LEASE_SECONDS)
    ids = [row.recipient_id for row in taken]
    given_back = giving_back.give_back(giving_back.Unsent(pk, token) for pk in ids)
    ends = time.perf_counter()
    if not len(ids) == given_back == LIMIT:
        raise RuntimeError(f"{len(ids)} were claimed and {given_back} released, not {LIMIT}")
    return (ends - begins) * 1000


if __name__ == "__main__":
    times = [timed() for _ in range(WARM_UP + int(sys.argv[1]))][WARM_UP:]
    sys.stdout.write(f"{statistics.median(times)}\n")
