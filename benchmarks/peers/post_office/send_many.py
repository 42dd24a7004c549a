"""Times `mail.send_many`: `python -m … BATCHES SIZE`; the first batch is not counted."""

import sys
import time

import django

django.setup()

from post_office import mail  # noqa: E402

from benchmarks.mails import short_mail  # noqa: E402
from benchmarks.peers.post_office.fill import arguments  # noqa: E402

if __name__ == "__main__":
    count, size = map(int, sys.argv[1:])
    batches = [
        [arguments(short_mail(number)) for number in range(start, start + size)]
        for start in range(0, (count + 1) * size, size)
    ]
    mail.send_many(batches[0])
    begins, used = time.monotonic(), time.process_time()
    for batch in batches[1:]:
        mail.send_many(batch)
    seconds, used = time.monotonic() - begins, time.process_time() - used
    sys.stdout.write(f"{seconds} {used}\n")
