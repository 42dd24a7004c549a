"""Reads a mail that came back, whatever it is."""

from __future__ import annotations

from collections.abc import Callable
from email.message import Message
from email.parser import HeaderParser
from hashlib import sha256

from .arf import ENCLOSING, enclosed_complaint, read_arf
from .auto_reply import is_auto_reply, is_from_daemon, is_mass_answer
from .bounds import parsed
from .dsn import read_dsn
from .fields import Fields, decoded_text, parts_of, text_of, typed
from .report import Kind, Original, Report
from .unstructured import read_unstructured


def read_report(content: bytes, address: str) -> Report:
    """Return what a mail says that came to the return path of a mail to `address`.

    Never raises: what can't be read is UNKNOWN, with why.
    """
    return _reading(content, lambda message, key: _returned(message, content, key, address))


def read_complaint(content: bytes, *, feedback: bool) -> Report:
    """Return what a mail says that came to anywhere else: a complaint, or UNKNOWN. Never raises.

    `feedback`: it came to where complaints come to, so that a mail enclosed in it is one.
    """
    return _reading(content, lambda message, key: _complaint(message, key, feedback))


def _reading(content: bytes, read: Callable[[Fields, str], Report]) -> Report:
    key = ""
    try:
        message = parsed(content)
        key = _key(message, content)
        return read(message, key)
    except Exception as error:  # noqa: BLE001  mail may be anything, and the parser's faults many
        key = key or _digest(content)
        return Report(Kind.UNKNOWN, key, why=f"it can't be read ({type(error).__name__})")


def _returned(message: Fields, content: bytes, key: str, address: str) -> Report:
    original = _original(message)
    report = read_arf(message, key, original) or read_dsn(message, key, original, address)
    return report or _by_its_words(message, content, key, address, original)


def _complaint(message: Fields, key: str, feedback: bool) -> Report:
    original = _original(message)
    report = read_arf(message, key, original)
    if report is None and feedback:
        report = enclosed_complaint(message, key, original)
    return report or Report(Kind.UNKNOWN, key, original=original)


def _by_its_words(
    message: Fields, content: bytes, key: str, address: str, original: Original
) -> Report:
    automatic = is_auto_reply(message) and not is_from_daemon(message)
    if not automatic and (found := read_unstructured(content, key, original, address)):
        return found
    if automatic or is_mass_answer(message):
        return Report(Kind.AUTO_REPLY, key, text=text_of(message, "Subject"), original=original)
    return Report(Kind.UNKNOWN, key, original=original, why="no bounce or report is found in it")


def _key(message: Fields, content: bytes) -> str:
    """Return the Message-ID, which outlives a second delivery, or a digest where there is none."""
    return text_of(message, "Message-ID")[:200] or _digest(content)


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()


def _original(message: Fields) -> Original:
    """Return what is enclosed of the mail that it is about."""
    for part in parts_of(message, *ENCLOSING):
        payload = part.get_payload()
        fields = payload[0] if isinstance(payload, list) and payload else None
        if not isinstance(fields, Message):
            fields = HeaderParser().parsestr(decoded_text(part).lstrip())
        return Original(
            return_path=typed(text_of(fields, "Return-Path")),
            message_id=text_of(fields, "Message-ID"),
        )
    return Original()
