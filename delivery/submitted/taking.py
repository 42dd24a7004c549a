"""Takes a submitted message in, through the same door as the API, and not twice."""

from __future__ import annotations

from functools import partial

from rest_framework import status

from accounts.idempotency import Prepared, made, made_once
from accounts.models import IdempotencyKey, Project
from delivery.submitted.message import Message, read
from emails import accept


def take(project: Project, message: Message) -> str:
    """Return the id of the email, which is committed. Raises ApiError where it can't be sent.

    A client that did not see our answer sends the same message again: with the same Message-ID,
    recipients and content it is the same email for IDEMPOTENCY_SECONDS, and gets the same id.
    """
    prepare = partial(_prepared, project, message)
    if not (fingerprint := message.fingerprint):
        return str(made(prepare()).content["message_id"])
    row = IdempotencyKey(project=project, key=f"smtp {fingerprint}", fingerprint=fingerprint)
    return str(made_once(row, prepare).content["message_id"])


def _prepared(project: Project, message: Message) -> Prepared:
    mail = accept.prepare(read(project, message))
    answer = {"message_id": mail.email.public_id}

    def save() -> dict[str, str]:
        accept.save([mail])
        return answer

    return Prepared(status.HTTP_202_ACCEPTED, answer, save, discard=partial(accept.discard, [mail]))
