"""The outbox folder of the capture transport, read as a mailbox."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.parser import BytesHeaderParser
from functools import lru_cache
from itertools import islice
from pathlib import Path

from delivery.captured import CapturedMail, header

PAGE_SIZE = 50
# <message id>-<recipient>-<attempt>: nothing in it can leave the folder
MAIL_ID = r"msg_[a-z0-9]{1,40}-[0-9]{1,20}-[0-9]{1,6}"
_FILE_NAME = re.compile(rf"({MAIL_ID})\.eml")
_HEAD_BYTES = 64 * 1024
_HEADS_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class Summary:
    """A line of the list."""

    id: str
    captured_at: datetime
    sender: str
    to: str
    recipient: str  # of the envelope: a Bcc stands nowhere else
    subject: str
    has_attachments: bool

    def matches(self, words: Iterable[str]) -> bool:
        """Return whether every word stands somewhere in the line, in any case."""
        line = "\n".join((self.id, self.sender, self.to, self.recipient, self.subject)).casefold()
        return all(word in line for word in words)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the list, newest first; `number` counts from 1."""

    mails: list[Summary]
    number: int
    has_next: bool


class Inbox:
    """The captured mails. The list parses the heads of one page, never the whole folder."""

    def __init__(self, outbox: Path) -> None:
        self._outbox = outbox

    def page(self, number: int = 1, query: str = "") -> Page:
        """Return the mails in which all words of `query` stand. Empty past the last page."""
        words = query.casefold().split()
        start = (number - 1) * PAGE_SIZE
        entries = self._newest_first()
        if words:
            mails = (mail for mail in _summaries(entries) if mail.matches(words))
            window = list(islice(mails, start, start + PAGE_SIZE + 1))
        else:
            window = list(_summaries(entries[start : start + PAGE_SIZE + 1]))
        return Page(window[:PAGE_SIZE], number, len(window) > PAGE_SIZE)

    def read(self, mail_id: str) -> CapturedMail | None:
        """Return a mail whole, or None where there is no mail of that id."""
        path = self._outbox / f"{mail_id}.eml"
        if not re.fullmatch(MAIL_ID, mail_id) or path.is_symlink():
            return None
        with suppress(FileNotFoundError):
            return CapturedMail(mail_id, _written_at(path.stat()), path.read_bytes())
        return None

    def _newest_first(self) -> list[_Entry]:
        with suppress(FileNotFoundError), os.scandir(self._outbox) as files:
            return sorted(_entries(files), reverse=True)
        return []


@dataclass(frozen=True, slots=True, order=True)
class _Entry:
    mtime_ns: int
    path: str
    id: str


def _entries(files: Iterable[os.DirEntry[str]]) -> Iterator[_Entry]:
    for file in files:
        named = _FILE_NAME.fullmatch(file.name)
        if named and file.is_file(follow_symlinks=False):
            with suppress(FileNotFoundError):
                yield _Entry(file.stat().st_mtime_ns, file.path, named[1])


def _summaries(entries: Iterable[_Entry]) -> Iterator[Summary]:
    for entry in entries:
        with suppress(FileNotFoundError):  # somebody tidied up
            yield _summary(entry)


@lru_cache(maxsize=_HEADS_KEPT)  # a captured mail never changes
def _summary(entry: _Entry) -> Summary:
    with open(entry.path, "rb") as file:
        head = re.split(rb"\r?\n\r?\n", file.read(_HEAD_BYTES), maxsplit=1)[0]
    message = BytesHeaderParser(policy=policy.compat32).parsebytes(head)
    return Summary(
        id=entry.id,
        captured_at=datetime.fromtimestamp(entry.mtime_ns / 1e9, UTC),
        sender=header(message, "From"),
        to=header(message, "To"),
        recipient=header(message, "Delivered-To"),
        subject=header(message, "Subject"),
        has_attachments=message.get_content_type() == "multipart/mixed",
    )


def _written_at(status: os.stat_result) -> datetime:
    return datetime.fromtimestamp(status.st_mtime, UTC)
