"""Times the steps that make a mail, by the platform's own code: `python -m benchmarks.composing N`.

It writes a JSON object: microseconds of processor time for one mail, by step.
"""

import json
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from os import environ
from typing import Any

import django

environ["DJANGO_SETTINGS_MODULE"] = "mailer.settings"
django.setup()

from django.utils import timezone  # noqa: E402

from accounts.encryption import encrypt  # noqa: E402
from accounts.key_pairs import rsa_pair  # noqa: E402
from benchmarks.mails import SENDER, SENDER_NAME, Mail, mails  # noqa: E402
from delivery.claim import Delivery, Lease  # noqa: E402
from delivery.identity import Identity, KeptKey  # noqa: E402
from delivery.pipeline import STEPS, Copy  # noqa: E402
from delivery.smtp.envelope import Mail as SmtpMail  # noqa: E402
from emails.outgoing import Outgoing  # noqa: E402
from emails.transitions import Claimed  # noqa: E402

KEYS = (KeptKey("bench", encrypt(rsa_pair().private)),)
ROUNDS = 3  # of which the best is told: the others were disturbed


def copy_of(mail: Mail) -> Copy:
    """Return a claimed mail at the beginning of the pipeline."""
    now, number = timezone.now(), mail.number + 1
    email = Outgoing(
        pk=number,
        project_id=1,
        public_id=f"msg_{number:016d}",
        created_at=now,
        from_email=SENDER,
        from_name=SENDER_NAME,
        reply_to=[],
        to=[{"email": mail.address, "name": mail.name}],
        cc=[],
        subject=mail.subject,
        html_body=mail.html,
        text_body=mail.text,
        variables={},
        headers={},
        rfc_message_id=f"<msg_{number:016d}@example.com>",
        track_opens=True,
        track_clicks=True,
        scheduled_at=None,
        expires_at=now + timedelta(days=5),
        seconds_left=timedelta(days=5).total_seconds(),
        template_version=None,
        attachments=(),
    )
    lease = Lease(uuid.uuid4(), time.monotonic() + 3600)
    identity = Identity("example.com", KEYS)
    claimed = Claimed(number, number, mail.address, 1, False)
    return Copy(Delivery(claimed, email, lease, identity, lease.ends, email.size))


def timed(step: Callable[[Any], Any], values: Sequence[Any]) -> tuple[float, list[Any]]:
    """Return the microseconds that a step takes for one value, and what it makes of all."""
    best, made = float("inf"), []
    for _ in range(ROUNDS):
        begins = time.process_time()
        made = [step(value) for value in values]
        best = min(best, time.process_time() - begins)
    return best / len(values) * 1e6, made


def main() -> None:
    """Let all mails go through each step in turn."""
    spent: dict[str, float] = {}
    values: list[Any] = [copy_of(mail) for mail in mails(int(sys.argv[1]))]
    for step in STEPS:
        spent[step.__name__], values = timed(step, values)
    spent["prepare_for_smtp"], _ = timed(
        lambda copy: SmtpMail.prepare(SENDER, ["ann@example.org"], copy.content), values
    )
    sys.stdout.write(json.dumps(spent))


if __name__ == "__main__":
    main()
