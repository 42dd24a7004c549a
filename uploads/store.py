"""Takes a file in: stored first, then known."""

from __future__ import annotations

import os
from typing import IO

from django.conf import settings
from django.core.files.base import File
from django.db import transaction

from accounts.models import Project
from uploads.detection import detect
from uploads.filenames import check_filename
from uploads.models import Upload
from uploads.names import stored_name
from uploads.removal import remove_file
from uploads.storage import upload_storage


class EmptyFile(ValueError):
    """There is nothing in the file."""


class FileTooLarge(ValueError):
    """The file has more bytes than are allowed; `limit` says how many that is."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The file is larger than {limit} bytes.")
        self.limit = limit


def store(
    project: Project,
    file: IO[bytes],
    filename: str,
    *,
    private: bool = False,
    max_bytes: int | None = None,
) -> Upload:
    """Store a seekable binary file and return its committed row.

    Private is what `/uploads/` never serves. `max_bytes` is MAX_UPLOAD_BYTES when left out.
    Raises EmptyFile, FileTooLarge or filenames.UnsafeFilename for what can't be taken, OSError
    where the store is in trouble, and RuntimeError inside a transaction, which may not wait for
    a network.
    """
    check_filename(filename)
    size = _checked_size(file, settings.MAX_UPLOAD_BYTES if max_bytes is None else max_bytes)
    content_type = detect(file, filename)
    name = upload_storage().save(stored_name(filename, content_type), _typed(file, content_type))
    upload = Upload(
        project=project,
        name=name,
        filename=filename,
        content_type=content_type,
        size=size,
        private=private,
    )
    _save_row_or_remove_file(upload)
    return upload


def _checked_size(file: IO[bytes], limit: int) -> int:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if size == 0:
        raise EmptyFile("The file is empty.")
    if size > limit:
        raise FileTooLarge(limit)
    return size


def _typed(file: IO[bytes], content_type: str) -> File[bytes]:
    content: File[bytes] = File(file)
    content.content_type = content_type  # type: ignore[attr-defined]  # django-storages tells S3
    return content


def _save_row_or_remove_file(upload: Upload) -> None:
    try:
        with transaction.atomic(durable=True):
            upload.save(force_insert=True)
    except BaseException:
        remove_file(upload.name)
        raise
