"""Puts mails into the queue by `mail.send_many`: `python -m … COUNT`."""

import sys

import django

django.setup()

from post_office import mail  # noqa: E402

from benchmarks.mails import SENDER, SENDER_NAME, Mail, mails  # noqa: E402

BATCH = 500


def arguments(item: Mail) -> dict[str, object]:
    """Return a mail as `mail.send` takes it."""
    return {
        "recipients": [f"{item.name} <{item.address}>"],
        "sender": f"{SENDER_NAME} <{SENDER}>",
        "subject": item.subject,
        "message": item.text,
        "html_message": item.html,
    }


if __name__ == "__main__":
    for start in range(0, int(sys.argv[1]), BATCH):
        count = min(BATCH, int(sys.argv[1]) - start)
        mail.send_many([arguments(item) for item in mails(count, start)])
