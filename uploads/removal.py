"""A file goes when its row is gone for good."""

import logging
from collections.abc import Iterable
from functools import partial
from typing import Any

from django.db import Error, IntegrityError, transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver

from uploads.models import Upload
from uploads.storage import upload_storage

logger = logging.getLogger(__name__)


@receiver(post_delete, sender=Upload, dispatch_uid="uploads.removal")
def remove_after_commit(sender: type[Upload], instance: Upload, **_: Any) -> None:
    """Remove the file after the commit: not for a row that a rollback brings back."""
    transaction.on_commit(partial(remove_file, instance.name))


def remove_file(name: str) -> None:
    """Remove a file that no row names. A store out of reach leaves it there, and a log line."""
    try:
        upload_storage().delete(name)
    except OSError as error:
        logger.error("the file %s is left behind: %s", name, error)


def discard_unused(uploads: Iterable[Upload]) -> None:
    """Delete uploads that nothing came to use; what is used after all stays.

    For the way out of a failure, so it never raises for a database or store that is out of reach.
    """
    for upload in uploads:
        try:
            upload.delete()
        except IntegrityError:  # ProtectedError is one: the commit that seemed to fail did not
            logger.info("the upload %s is in use", upload.name)
        except Error as error:
            logger.error("the upload %s is left behind: %s", upload.name, error)
