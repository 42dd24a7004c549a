"""From a request's JSON to what it will make: one email, or a batch of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django.conf import settings
from rest_framework import status
from rest_framework.exceptions import ValidationError

from accounts.errors import ApiError, exception_handler
from accounts.idempotency import Prepared
from accounts.models import Project
from emails import accept
from emails.api import answers
from emails.api.named import Named
from emails.api.serializers import EmailRequest
from emails.models import Priority

Refusal = dict[str, Any]  # {"error": …}, as a single request would be answered


def single(project: Project, body: Any) -> Prepared:
    """Return one email, ready to be saved. Raises ValidationError or ApiError."""
    form = EmailRequest(context={"named": Named(project, [body])})
    mail = accept.prepare(form.submission(form.run_validation(body), Priority.SINGLE))
    answer = answers.accepted(mail.email)
    return _prepared(answer, [mail], lambda nobody: answers.corrected(answer, nobody))


def batch(project: Project, bodies: Any, atomic: bool) -> Prepared:
    """Return the emails of a batch that can be accepted, ready to be saved, and the answer to all.

    With `atomic` they are all of them or none. Raises ApiError: 400 or 413 for the batch as a
    whole, 5xx where it can't be judged now.
    """
    _check_batch(bodies)
    form = EmailRequest(context={"named": Named(project, bodies)})
    mails: list[accept.Prepared] = []
    data: list[dict[str, Any]] = []
    try:
        for body in bodies:
            judged = _judged(form, body)
            if isinstance(judged, accept.Prepared):
                mails.append(judged)
                judged = answers.accepted(judged.email)
            data.append(judged)
        if atomic and len(mails) < len(data):
            raise _refused_whole(data)
    except BaseException:
        accept.discard(mails)
        raise
    return _prepared(
        {"data": data},
        mails,
        lambda nobody: {"data": [answers.corrected(said, nobody) for said in data]},
    )


def _prepared(
    answer: dict[str, Any],
    mails: Sequence[accept.Prepared],
    corrected: Callable[[set[str]], dict[str, Any]],
) -> Prepared:
    def save() -> dict[str, Any]:
        to_nobody = accept.save(mails)
        return corrected(to_nobody) if to_nobody else answer

    return Prepared(status.HTTP_202_ACCEPTED, answer, save, discard=partial(accept.discard, mails))


def _judged(form: EmailRequest, body: Any) -> accept.Prepared | Refusal:
    try:
        return accept.prepare(form.submission(form.run_validation(body), Priority.BATCH))
    except (ValidationError, ApiError) as refusal:
        if refusal.status_code >= status.HTTP_500_INTERNAL_SERVER_ERROR:
            raise  # nothing is wrong with the email: the batch may be sent again as it is
        return dict(exception_handler(refusal, {}).data)


def _check_batch(bodies: Any) -> None:
    if not isinstance(bodies, list) or not bodies:
        message = "Send a JSON list of emails, each an object as POST /api/emails takes it."
        raise ApiError(400, "invalid_request", message)
    if len(bodies) > settings.MAX_BATCH:
        raise ApiError(
            413,
            "too_large",
            f"The batch has {len(bodies)} emails, more than the {settings.MAX_BATCH} that "
            "MAX_BATCH allows. Nothing was sent: send several batches.",
        )


def _refused_whole(data: Sequence[dict[str, Any]]) -> ApiError:
    fields: dict[str, list[str]] = {}
    refused = [(index, said["error"]) for index, said in enumerate(data) if "error" in said]
    for index, error in refused:
        named = error["fields"] or {"": [error["message"]]}
        fields |= {f"{index}.{name}".rstrip("."): why for name, why in named.items()}
    return ApiError(
        400,
        "invalid_request",
        f"Nothing was sent, because {len(refused)} of {len(data)} emails can't be. Correct them, "
        "or leave `atomic` out to send the others.",
        fields,
    )
