"""Files in a local folder, flushed to the disk before anybody hears of them."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import IO, Any

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage
from django.utils._os import safe_join

from uploads.storage import Part

COPY_BYTES = 256 * 1024


class LocalStorage(FileSystemStorage):
    """Keeps files in 256 folders below `location`; only our own user may read them."""

    def __init__(self, location: str | Path) -> None:
        super().__init__(location)

    def path(self, name: str) -> str:
        """Return where `name` lies: a folder with a million files would be slow to back up."""
        shard = hashlib.sha256(name.encode()).hexdigest()[:2]
        return safe_join(self.location, shard, name)

    def open_at(self, name: str, start: int = 0, length: int | None = None) -> Part:
        """See UploadStorage."""
        file = Path(self.path(name)).open("rb")  # noqa: SIM115 (the Part closes it)
        file.seek(start)
        return Part(file, length)

    def check(self) -> None:
        """See UploadStorage: writes and removes an empty file."""
        Path(self.location).mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=self.location):
            pass

    def _save(self, name: str, content: File[Any]) -> str:
        """Write, flush to the disk and rename, so that a crash leaves the whole file or none."""
        path = Path(self.path(name))
        _make_folder(path.parent)
        descriptor, temporary = tempfile.mkstemp(prefix=".new-", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as target:
                _copy(content, target)
            _rename_to_new(Path(temporary), path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        _flush_folder(path.parent)
        return name


def _copy(content: File[Any], target: IO[bytes]) -> None:
    for chunk in content.chunks(COPY_BYTES):
        target.write(chunk)
    target.flush()
    os.fsync(target.fileno())


def _rename_to_new(source: Path, target: Path) -> None:
    """Rename, but never over another file: the name is taken first (FileExistsError)."""
    target.touch(mode=0o600, exist_ok=False)
    source.replace(target)


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _flush_folder(folder.parent)


def _flush_folder(folder: Path) -> None:
    """Make the names in `folder` outlast a power cut: fsync of a file does not."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
