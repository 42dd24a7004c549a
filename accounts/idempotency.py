"""`Idempotency-Key`: a request that is sent again gets its first answer and makes nothing new.

The key stands in the transaction that writes what the request makes. So either both are there, or
the request may be sent again with the same key. A refused request (4xx, 5xx) made nothing and
therefore keeps nothing: corrected, it may go under the same key.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller
from accounts.errors import ApiError
from accounts.models import IdempotencyKey
from accounts.parsers import BODY_DIGEST
from accounts.patience import LockedTooLong, patience, patient_transaction

WAIT_SECONDS: Final = 5.0  # for a twin that still runs, at most

_KEY = re.compile(r"[ -~]{1,255}")


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a request will make, checked: its answer is known before it is written, as a rule."""

    status: int
    answer: dict[str, Any]
    # Writes it, in a transaction of its own or in the one that is open, and returns `answer`, or
    # what is to be answered instead.
    save: Callable[[], dict[str, Any]]
    discard: Callable[[], None]  # takes back what was stored before it


class StillRunning(ApiError):
    """409: the first request with this key has not been answered yet."""

    wait = WAIT_SECONDS

    def __init__(self) -> None:
        super().__init__(
            status.HTTP_409_CONFLICT,
            "request_in_progress",
            "A request with this Idempotency-Key is still being worked on. Send it again, with "
            "the same key, after the seconds in Retry-After.",
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered, and whether it was before."""

    status: int
    content: dict[str, Any]
    replayed: bool = False


def once(request: Request, prepare: Callable[[], Prepared]) -> Response:
    """Make what `prepare` returns, in one transaction, and answer; with a key only once.

    `prepare` runs outside of the transaction and refuses by raising. With an `Idempotency-Key`
    that was used within IDEMPOTENCY_SECONDS, the first answer is given again, and a request whose
    twin still runs waits for it. Raises ApiError: 400 for a malformed key, 422 where the key
    belongs to another request, 409 after `wait_seconds`.
    """
    row = _row(request)
    answer = made_once(row, prepare) if row else made(prepare())
    headers = {"Idempotency-Replayed": "true"} if answer.replayed else {}
    return Response(answer.content, answer.status, headers=headers)


def wait_seconds() -> float:
    """Return how long to wait for a twin: not until the wait looks like a database that is away."""
    answers = float(settings.DATABASE_ANSWER_SECONDS)
    return min(WAIT_SECONDS, max(answers - 1, answers / 2))


def made(prepared: Prepared) -> Answer:
    """Save what is prepared, and answer."""
    with _discarding(prepared):
        answer = prepared.save()
    return Answer(prepared.status, answer)


def made_once(row: IdempotencyKey, prepare: Callable[[], Prepared]) -> Answer:
    """Like `once`, for a key that is known: `row` has project, key and fingerprint."""
    earlier = IdempotencyKey.objects.alive().twin_of(row)
    if earlier:
        return _replayed(earlier, row)
    try:
        with patience(wait_seconds()):  # on SQLite a file's row waits for the twin, too
            return _made_with(row, prepare())
    except LockedTooLong:
        raise StillRunning from None
    except _TwinWasFirst:
        return _replayed(IdempotencyKey.objects.get(project=row.project, key=row.key), row)


def _row(request: Request) -> IdempotencyKey | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        message = "Give an Idempotency-Key of 1 to 255 printable ASCII characters, such as a UUID."
        raise ApiError(400, "invalid_idempotency_key", message)
    return IdempotencyKey(
        project=caller(request).project, key=key, fingerprint=_fingerprint(request)
    )


def _fingerprint(request: Request) -> str:
    _ = request.data  # parsed now, if it was not yet: the parser takes the digest
    asked = (
        str(request.method),
        request.path.rstrip("/"),
        request.META.get("QUERY_STRING", ""),
        request.parser_context.get(BODY_DIGEST, ""),
    )
    return hashlib.sha256("\n".join(asked).encode()).hexdigest()


def _made_with(row: IdempotencyKey, prepared: Prepared) -> Answer:
    row.status_code, row.answer = prepared.status, json.dumps(prepared.answer)
    with _discarding(prepared), patient_transaction(wait_seconds()):
        if not IdempotencyKey.objects.take(row):  # waits here for a twin
            raise _TwinWasFirst
        answer = prepared.save()
        if answer is not prepared.answer:
            IdempotencyKey.objects.correct(row, json.dumps(answer))
    return Answer(prepared.status, answer)


class _TwinWasFirst(Exception):
    """A request with the same key was answered while this one was prepared."""


@contextmanager
def _discarding(prepared: Prepared) -> Iterator[None]:
    try:
        yield
    except BaseException:
        prepared.discard()
        raise


def _replayed(earlier: IdempotencyKey, row: IdempotencyKey) -> Answer:
    if earlier.fingerprint != row.fingerprint:
        raise ApiError(
            status.HTTP_422_UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            "This Idempotency-Key was used for another request. Nothing was sent: give each "
            "request a key of its own, and repeat a request exactly as it was.",
        )
    return Answer(earlier.status_code, json.loads(earlier.answer), replayed=True)
