"""What of a stranger's mail can be shown: text alone, whatever it claims to be."""

from __future__ import annotations

from dataclasses import dataclass

from delivery.smtp.reports.bounds import MOST_READ, parsed
from delivery.smtp.reports.fields import Fields, decoded_text, parts_of, text_of
from emails.plaintext import text_from_html

SHOWN = ("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Return-Path")
MOST_TEXT = 20_000  # characters
MOST_HTML = 200_000


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the message, by its type, with a name where it is a file."""

    content_type: str
    filename: str


@dataclass(frozen=True, slots=True)
class Readable:
    """Some header fields, the text, and what else is in it."""

    fields: tuple[tuple[str, str], ...]
    text: str
    is_cut: bool
    parts: tuple[Part, ...]


def readable(content: bytes) -> Readable:
    """Return what can be shown; of what can't be read, its beginning as it came."""
    try:
        return _readable(parsed(content), is_long=len(content) > MOST_READ)
    except Exception:  # noqa: BLE001  mail may be anything, and the parser's faults many
        text = content[:MOST_TEXT].decode("utf-8", "replace")
        return Readable((), text, len(content) > MOST_TEXT, ())


def _readable(message: Fields, *, is_long: bool) -> Readable:
    fields = ((name, text_of(message, name)) for name in SHOWN)
    text = _text(message).replace("\r\n", "\n")
    return Readable(
        fields=tuple((name, value) for name, value in fields if value),
        text=text[:MOST_TEXT],
        is_cut=len(text) > MOST_TEXT or is_long,
        parts=tuple(_parts(message)),
    )


def _text(message: Fields) -> str:
    """Return all texts: reports have what matters in their second part."""
    plain = parts_of(message, "text/plain", "message/delivery-status", "message/feedback-report")
    texts = [_written(part) for part in plain]
    if not any(texts):
        html = parts_of(message, "text/html")
        texts = [text_from_html(decoded_text(part)[:MOST_HTML]) for part in html]
    return "\n\n".join(text.strip() for text in texts if text.strip())


def _written(part: Fields) -> str:
    if part.get_content_maintype() == "text":
        return decoded_text(part)
    return part.as_string().partition("\n\n")[2]


def _parts(message: Fields) -> list[Part]:
    leaves = [part for part in message.walk() if not part.is_multipart()]
    return [
        Part(part.get_content_type(), str(part.get_filename() or "")[:200]) for part in leaves[:50]
    ]
