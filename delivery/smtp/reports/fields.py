"""Fields of reports: text that can be stored, addresses with their type, groups of fields."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser, HeaderParser
from typing import TypeAlias

Fields: TypeAlias = "Message[str, str]"

MOST_TEXT = 1000
MOST_HEADER = 131_072  # bytes of a header that are looked at
MOST_RAW = 10_000  # characters of a field that are looked at
_APPENDED = ("\nReceived:", "\nReturn-Path:", "--- Below this line", "------ This is a copy")
_COMMENT = re.compile(r"\([^()]*\)")
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_REPLY = re.compile(r"([45]\d\d)[ -](?:([245]\.\d{1,3}\.\d{1,3})\s)?\s*(.*)", re.DOTALL)
_REPLY_CODE = re.compile(r"(?:^|\D)([45]\d\d)(?=[ -])")


def text_of(fields: Fields, name: str) -> str:
    """Return a field as one line of storable text, its encoded words read; "" where it is not."""
    return storable(_decoded(_raw(fields, name)))


def _raw(fields: Fields, name: str) -> str:
    """Return a field as it came; bytes that are not ASCII are UTF-8 (RFC 6532)."""
    values = (value for each, value in fields.raw_items() if each.lower() == name.lower())
    return (
        str(next(values, ""))[:MOST_RAW]
        .encode("utf-8", "surrogateescape")
        .decode("utf-8", "replace")
    )


def subject_of(content: bytes) -> str:
    """Return the subject of a message, however it is written."""
    try:
        return text_of(BytesHeaderParser().parsebytes(content[:MOST_HEADER]), "Subject")
    except Exception:  # noqa: BLE001  mail may be anything, and the parser's faults many
        return ""


def storable(text: str) -> str:
    """Return one line of at most MOST_TEXT characters without what a database can't hold."""
    line = " ".join(text[: 2 * MOST_TEXT].replace("\0", " ").split())[:MOST_TEXT]
    return line.encode("utf-8", "replace").decode()


def _decoded(value: str) -> str:
    try:
        parts = decode_header(value)
        return "".join(
            part if isinstance(part, str) else part.decode(charset or "utf-8", "replace")
            for part, charset in parts
        )
    except (ValueError, LookupError):  # binascii.Error, HeaderParseError, unknown charsets
        return value


def typed(value: str) -> str:
    """Return an address or a name without its type: `rfc822; ann@example.org` (RFC 3464 §2.1.2)."""
    kind, semicolon, rest = value.partition(";")
    found = rest if semicolon else kind
    return _COMMENT.sub("", found).strip().strip("<>").strip()


def status_in(text: str) -> str:
    """Return the first enhanced status code in a text, or ""."""
    found = _STATUS.search(text)
    return found[1] if found else ""


def refusal_in(text: str) -> str:
    """Return the first enhanced status code of a refusal in a text, or ""."""
    return next((found for found in _STATUS.findall(text) if found[0] != "2"), "")


@dataclass(frozen=True, slots=True)
class Said:
    """A reply as a notification cites it; code and enhanced code where it begins with them."""

    code: int | None
    enhanced: str
    text: str


def reply_in(text: str) -> Said:
    """Take a cited reply apart: `550 5.1.1 User unknown`."""
    found = _REPLY.match(text)
    if found is None:
        return Said(None, "", text)
    return Said(int(found[1]), found[2] or "", found[3])


def reply_code_in(text: str) -> int | None:
    """Return the first reply code of a refusal in a text."""
    found = _REPLY_CODE.search(text)
    return int(found[1]) if found else None


def parts_of(message: Fields, *kinds: str) -> Iterator[Fields]:
    """Yield the parts of a message that have one of the content types, but not what is enclosed."""
    if message.get_content_type() in kinds:
        yield message
    elif message.is_multipart() and message.get_content_maintype() != "message":
        for part in message.get_payload():
            if isinstance(part, Message):
                yield from parts_of(part, *kinds)


def groups_of(part: Fields) -> list[Fields]:
    """Return the groups of fields of a message/delivery-status or message/feedback-report part.

    The parser knows the first alone; it takes others for a message, whose body further groups are.
    """
    payload = part.get_payload()
    if not isinstance(payload, list):
        return _parsed(decoded_text(part))
    groups = [group for group in payload if isinstance(group, Message)]
    if len(groups) == 1 and isinstance(rest := groups[0].get_payload(decode=True), bytes):
        part = copy(part)
        part.set_payload(rest.decode("ascii", "surrogateescape"))  # encoded as the part says
        return [group for group in (*groups, *_parsed(decoded_text(part))) if group.keys()]
    return [group for group in groups if group.keys()]


def decoded_text(part: Fields) -> str:
    """Return the text of a part, whatever its charset says."""
    raw = part.get_payload(decode=True)
    if isinstance(raw, bytes):
        return raw.decode("utf-8", "replace")
    return str(part.get_payload() or "")


def words_of(message: Fields) -> str:
    """Return the first text, for people, without the mail that many programs append to it."""
    for part in parts_of(message, "text/plain", "text/html"):
        text = decoded_text(part)
        for mark in _APPENDED:
            text = text.partition(mark)[0]
        return text
    return ""


def _parsed(payload: object) -> list[Fields]:
    text = str(payload).replace("\r\n", "\n")
    groups = [HeaderParser().parsestr(block) for block in re.split(r"\n[ \t]*\n", text)]
    return [group for group in groups if group.keys()]
