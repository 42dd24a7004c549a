"""What a store of files can do; a local folder (local.py) and S3 (s3.py) do the same.

A file is written whole or not at all and never overwritten, any part of it can be read without the
rest, and all trouble is an OSError.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, Self, cast

from django.core.files.base import File
from django.core.files.storage import default_storage

CHUNK_BYTES = 64 * 1024


class Readable(Protocol):
    """An open file or an open answer of a server."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, none at the end."""

    def close(self) -> None:
        """Free what reading holds."""


class Part:
    """The next `length` bytes of something readable, or all of them; closes it after use."""

    def __init__(self, source: Readable, length: int | None = None) -> None:
        self._source, self._left = source, length

    def read(self, size: int = CHUNK_BYTES) -> bytes:
        """Return up to `size` bytes, none at the end. Raises OSError."""
        if self._left is not None:
            size = min(size, self._left)
        data = self._source.read(size) if size else b""
        if self._left is not None:
            self._left -= len(data)
        return data

    def close(self) -> None:
        """Free the file or the connection."""
        self._source.close()

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.read, b"")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        self.close()


class UploadStorage(Protocol):
    """The contract of every store; its methods raise OSError for trouble."""

    def save(self, name: str, content: File[Any]) -> str:
        """Store under `name`, or under another where that is taken; return which."""

    def open_at(self, name: str, start: int = 0, length: int | None = None) -> Part:
        """Open `length` bytes from `start`; FileNotFoundError where there is no such file."""

    def delete(self, name: str) -> None:
        """Remove the file; it need not be there."""

    def check(self) -> None:
        """Raise unless files can be kept here now."""


def upload_storage() -> UploadStorage:
    """Return the store that the settings name."""
    return cast(UploadStorage, default_storage)
