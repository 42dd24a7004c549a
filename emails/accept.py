"""The door in: checks submissions and makes them rows. After the commit they can't be lost."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts.errors import InvalidRequest, Unavailable
from emails import doorbell, events, metrics
from emails.checking import check_people, check_size, rendered
from emails.dialect import clock
from emails.insertion import insert
from emails.models import Email, Recipient, Status
from emails.one_statement import MOST_RECIPIENTS, insert_mail
from emails.ownership import check_sender
from emails.rows import attachment_row, email_row, envelope, recipient_rows
from emails.submission import AttachedFile, Submission
from uploads.models import Upload
from uploads.removal import discard_unused
from uploads.store import EmptyFile, store

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A submission that can be sent, with its email (not saved yet) and the files it carries."""

    submission: Submission
    email: Email
    uploads: tuple[Upload, ...]  # one for each attachment


def accept(submission: Submission) -> Email:
    """Return the saved email. ApiError with what to do when it can't be sent as it is.

    When this returns outside of a transaction, the email is committed and the bell was rung.
    """
    prepared = prepare(submission)
    try:
        save([prepared])
    except BaseException:
        discard([prepared])
        raise
    return prepared.email


def prepare(submission: Submission) -> Prepared:
    """Check a submission and store what it carries; outside of a transaction. Raises ApiError."""
    check_sender(submission.project, submission.sender)
    check_people(submission)
    email = email_row(submission)
    content = rendered(email)
    check_size(submission, email, content)
    email.subject = content.subject  # as staff and callers see it
    return Prepared(submission, email, _uploads(submission))


def save(all_prepared: Sequence[Prepared]) -> set[str]:
    """Write the rows of all in one transaction, and ring once when it is committed.

    Returns the public ids of emails that go to nobody: all their recipients are suppressed.
    """
    if not all_prepared:
        return set()
    if len(all_prepared) == 1 and _is_simple(all_prepared[0]):
        recipients = _insert_simple(all_prepared[0])
        if recipients:
            _announce(all_prepared, recipients)
            return set()
    with transaction.atomic(savepoint=False):
        rows = _insert_all(all_prepared)
        _announce(all_prepared, len(rows), sum(row.status == Status.SUPPRESSED for row in rows))
    return _to_nobody(all_prepared, rows)


def _is_simple(prepared: Prepared) -> bool:
    """Tell whether one statement can write it."""
    has_few = not prepared.uploads and len(envelope(prepared.submission)) <= MOST_RECIPIENTS
    return has_few and connection.vendor == "postgresql"


def _insert_simple(prepared: Prepared) -> int:
    """Insert the rows of one email; return the number of its recipients, 0 if one is suppressed."""
    recipients = [*recipient_rows(prepared.submission, prepared.email)]
    done = insert_mail(prepared.email, recipients, events.acceptance(recipients[0], timezone.now()))
    return len(recipients) if done else 0


def _insert_all(all_prepared: Sequence[Prepared]) -> list[Recipient]:
    """Insert the rows of all, a table after the other; return the recipients."""
    insert([prepared.email for prepared in all_prepared])
    now = clock()
    recipients = [
        row
        for prepared in all_prepared
        for row in recipient_rows(prepared.submission, prepared.email, now)
    ]
    suppressed = events.suppress(recipients)
    insert(recipients)
    insert(
        [
            attachment_row(prepared.email, file, upload)
            for prepared in all_prepared
            for file, upload in zip(prepared.submission.attachments, prepared.uploads, strict=True)
        ],
        sets_ids=False,
    )
    events.accepted(recipients, suppressed)
    return recipients


def _to_nobody(all_prepared: Sequence[Prepared], rows: Sequence[Recipient]) -> set[str]:
    wanted = {row.email_id for row in rows if row.status != Status.SUPPRESSED}
    return {mail.email.public_id for mail in all_prepared if mail.email.pk not in wanted}


def _announce(all_prepared: Sequence[Prepared], recipients: int, suppressed: int = 0) -> None:
    """Once it is committed: at once, where no transaction is open."""
    transaction.on_commit(partial(_accepted, all_prepared, recipients, suppressed))


def discard(all_prepared: Sequence[Prepared]) -> None:
    """Take back the files that were stored for submissions which were not saved."""
    for prepared in all_prepared:
        _discard(prepared.submission, prepared.uploads)


def _accepted(all_prepared: Sequence[Prepared], recipients: int, suppressed: int) -> None:
    doorbell.ring()
    metrics.EMAILS_ACCEPTED.inc(len(all_prepared))
    metrics.RECIPIENTS_ACCEPTED.inc(recipients)
    if suppressed:
        metrics.RECIPIENTS_SUPPRESSED.labels("acceptance").inc(suppressed)
    ids = [prepared.email.public_id for prepared in all_prepared]
    named = {"message_id": ids[0]} if len(ids) == 1 else {"message_ids": ids}
    logger.info("accepted", extra={**named, "recipients": recipients})


def _uploads(submission: Submission) -> tuple[Upload, ...]:
    """Return the upload of each attachment; before the transaction, which waits for no network."""
    uploads: list[Upload] = []
    try:
        for index, file in enumerate(submission.attachments):
            uploads.append(_uploaded(index, file, submission))
    except BaseException:
        _discard(submission, uploads)
        raise
    return tuple(uploads)


def _discard(submission: Submission, uploads: Sequence[Upload]) -> None:
    came_along = zip(submission.attachments, uploads, strict=False)
    discard_unused(upload for file, upload in came_along if file.upload is None)


def _uploaded(index: int, file: AttachedFile, submission: Submission) -> Upload:
    """Return the upload of an attachment; what came with the request becomes a private one."""
    if file.upload:
        return file.upload
    content = BytesIO(file.content)
    try:
        return store(
            submission.project,
            content,
            file.name,
            private=True,
            max_bytes=settings.MAX_MESSAGE_BYTES,
        )
    except EmptyFile as error:
        raise InvalidRequest({f"attachments.{index}.content": [str(error)]}) from None
    except OSError as error:
        logger.error("attachments can't be stored: %s", error)
        raise Unavailable(
            "The attachments can't be stored now. Nothing was accepted: send it again."
        ) from None
