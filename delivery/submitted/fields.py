"""The fields of a message's header, as they were written and without their folding."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from accounts.errors import InvalidRequest
from delivery.mime.entity import as_text

HEADER_LIMIT: Final = 131_072
"""Octets in a header: room for some thousand recipients named in it."""

_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:[ \t]*(.*)", re.DOTALL)
_START = re.compile(rb"(?m)^(?![ \t])")


@dataclass(frozen=True, slots=True)
class Field:
    """One field: `value` is unfolded (RFC 5322 §2.2.3), `raw` ends with CRLF."""

    name: str
    value: str
    raw: bytes

    @property
    def key(self) -> str:
        """The name in lower case."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Fields:
    """All fields of a header, in their order."""

    fields: tuple[Field, ...]

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def all(self, *keys: str) -> list[Field]:
        """Return every field with one of the names."""
        return [field for field in self.fields if field.key in keys]

    def one(self, key: str) -> str:
        """Return the value of a field that may occur once, "" where it is not there.

        Raises InvalidRequest where it repeats.
        """
        found = self.all(key)
        if len(found) > 1:
            raise wrong(found[0].name, f"It stands {len(found)} times in the header; write one.")
        return found[0].value if found else ""


def split_message(content: bytes) -> tuple[Fields, bytes]:
    """Return header and body of a message with CRLF line ends. Raises InvalidRequest."""
    if content.startswith(b"\r\n"):
        return Fields(()), content[2:]
    header, _, body = content.partition(b"\r\n\r\n")
    if len(header) > HEADER_LIMIT:
        raise wrong("header", f"It has {len(header)} octets; use at most {HEADER_LIMIT}.")
    return Fields(tuple(_fields(header.removesuffix(b"\r\n") + b"\r\n"))), body


def wrong(name: str, *reasons: str) -> InvalidRequest:
    """Return the refusal of one field."""
    return InvalidRequest({name: reasons})


def join(fields: Iterable[Field]) -> bytes:
    """Return fields as they were written."""
    return b"".join(field.raw for field in fields)


def _fields(header: bytes) -> Iterator[Field]:
    starts = [found.start() for found in _START.finditer(header)]
    for start, end in pairwise(starts):
        raw = header[start:end]
        found = _FIELD.fullmatch(raw)
        if not found:
            line = as_text(raw).strip()
            raise wrong("header", f"The line {line!a:.80} is no header field; write Name: value.")
        value = as_text(found[2].replace(b"\r\n", b"")).strip(" \t")
        yield Field(found[1].decode(), value, raw)
