"""Publishes mails: `python -m … COUNT`."""

import sys

import django

django.setup()

from django.core.mail import EmailMultiAlternatives, get_connection  # noqa: E402

from benchmarks.mails import SENDER, SENDER_NAME, Mail, mails  # noqa: E402
from benchmarks.peers.celery_email.app import app  # noqa: E402


def message(item: Mail) -> EmailMultiAlternatives:
    """Return a mail as Django sends it."""
    made = EmailMultiAlternatives(
        item.subject,
        item.text,
        f"{SENDER_NAME} <{SENDER}>",
        [f"{item.name} <{item.address}>"],
    )
    made.attach_alternative(item.html, "text/html")
    return made


if __name__ == "__main__":
    app.set_default()
    get_connection().send_messages([message(item) for item in mails(int(sys.argv[1]))])
