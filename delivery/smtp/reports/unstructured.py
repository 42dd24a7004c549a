"""Bounces that are no RFC 3464, found by flufl.bounce, with what their words mean."""

from __future__ import annotations

import logging
from email import message_from_bytes

from flufl.bounce import all_failures

from delivery.smtp.classification import Reason, classify_refusal

from .fields import refusal_in, reply_code_in, storable, words_of
from .report import Kind, Original, Report

# In bytes: its detectors read a mail line by line, some of them in time of a line's length squared.
MOST_READ, LONGEST_LINE = 200_000, 1000
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)


def read_unstructured(content: bytes, key: str, original: Original, address: str) -> Report | None:
    """Return what an old or odd mail server says, None where nothing is recognised."""
    message = message_from_bytes(_bounded(content))
    try:
        temporary, permanent = all_failures(message)
    except Exception:  # noqa: BLE001  its detectors take mail apart that may be anything
        return None
    if not temporary and not permanent:
        return None
    text = words_of(message)
    status, code = refusal_in(text), reply_code_in(text)
    reason = classify_refusal(code, status or None, text)
    named = {found.decode("utf-8", "replace") for found in permanent or temporary}
    return Report(
        kind=_kind(bool(permanent), status),
        key=key,
        reason=reason if permanent else Reason.TEMPORARY,
        status=status,
        text=storable(text),
        recipient=address if address in named else storable(min(named)),
        original=original,
    )


def _bounded(content: bytes) -> bytes:
    lines = content[:MOST_READ].splitlines()
    return b"\n".join(line[:LONGEST_LINE] for line in lines)


def _kind(permanent: bool, status: str) -> Kind:
    if not permanent:
        return Kind.DELAY
    return Kind.SOFT_BOUNCE if status.startswith("4.") else Kind.BOUNCE
