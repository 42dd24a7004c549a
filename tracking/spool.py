"""A local file of hits that waits for the database: appended durably, drained in batches."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

from emails.events import Hit
from emails.models import EventType

logger = logging.getLogger(__name__)

Store = Callable[[list[Hit]], None]


class Spool:
    """Shared by all processes of one machine.

    Writers hold `lock` while they write, and the drainer while it takes the file away; so nobody
    writes to a file that was taken. A crash while draining may store a file twice, never lose it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._current = folder / "hits.jsonl"

    def append(self, hits: Iterable[Hit]) -> None:
        """Write a line for each, durable when this returns. Raises OSError: the disk refuses."""
        lines = b"".join(map(_line, hits))
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._locked("lock"), self._current.open("ab+") as file:
            size = file.seek(0, os.SEEK_END)
            try:
                file.write(_missing_line_end(file, size) + lines)
                file.flush()
                os.fsync(file.fileno())
            except OSError:  # half a line would take the next one along
                file.truncate(size)
                raise

    def is_empty(self) -> bool:
        """Tell whether nothing waits."""
        return not self._current.exists() and not self._taken()

    def drain(self, store: Store) -> int:
        """Hand everything that waits to `store` and forget what it took; return how many."""
        if self.is_empty():
            return 0
        with self._locked("drain.lock"):
            self._take_current()
            return sum(_store_file(path, store) for path in self._taken())

    def _take_current(self) -> None:
        with self._locked("lock"):
            if self._current.exists():
                self._current.rename(self._folder / f"taken-{uuid.uuid4().hex}.jsonl")

    def _taken(self) -> list[Path]:
        return sorted(self._folder.glob("taken-*.jsonl"))

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        with (self._folder / name).open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _missing_line_end(file: IO[bytes], size: int) -> bytes:
    """Return what ends a line that a power cut left unfinished."""
    if not size:
        return b""
    file.seek(size - 1)
    return b"" if file.read(1) == b"\n" else b"\n"


def _line(hit: Hit) -> bytes:
    moment = hit.timestamp.isoformat()
    line = json.dumps([hit.type, hit.email_id, hit.recipient_id, moment, hit.data])
    return line.encode() + b"\n"


def _store_file(path: Path, store: Store) -> int:
    hits = list(_read(path))
    store(hits)  # in one transaction: a failure leaves the file as the only copy
    path.unlink()
    return len(hits)


def _read(path: Path) -> Iterator[Hit]:
    for line in path.read_bytes().splitlines():
        try:
            kind, email_id, recipient_id, timestamp, data = json.loads(line)
        except (TypeError, ValueError):  # the last line of a machine that lost its power
            logger.warning("left out a broken line of the spool", extra={"file": path.name})
            continue
        yield Hit(EventType(kind), email_id, recipient_id, datetime.fromisoformat(timestamp), data)
