"""Feedback reports: what mailbox providers send when a reader calls a mail spam (RFC 5965)."""

from __future__ import annotations

from .fields import Fields, groups_of, parts_of, text_of, typed
from .report import Kind, Original, Report

TYPE = "message/feedback-report"
COMPLAINTS = frozenset({"abuse", "fraud", "virus", "opt-out", "opt-out-list"})
OTHER = "feedback that is no complaint"  # staff filter by it: the sender's words are not in it
ENCLOSING = ("message/rfc822", "message/global", "text/rfc822-headers")


def read_arf(message: Fields, key: str, original: Original) -> Report | None:
    """Return what a feedback report says, None for what is none.

    Reports of failed authentication (RFC 6591) are no word of a reader's: they are for people.
    """
    for part in parts_of(message, TYPE):
        groups = groups_of(part)
        if groups:
            return _read(groups[0], key, original)
    return None


def enclosed_complaint(message: Fields, key: str, original: Original) -> Report | None:
    """Return a complaint that is no more than the mail, enclosed, as some providers send it."""
    if not any(parts_of(message, *ENCLOSING)):
        return None
    return Report(Kind.COMPLAINT, key, feedback="abuse", original=original)


def _read(fields: Fields, key: str, original: Original) -> Report:
    feedback = text_of(fields, "Feedback-Type").lower()
    return Report(
        kind=_kind(feedback),
        key=key,
        feedback=feedback,
        recipient=typed(
            text_of(fields, "Original-Rcpt-To") or text_of(fields, "Removal-Recipient")
        ),
        reporter=text_of(fields, "User-Agent"),
        text=text_of(fields, "Source-IP"),
        original=_completed(original, fields),
        why="" if _kind(feedback) is not Kind.UNKNOWN else OTHER,
    )


def _kind(feedback: str) -> Kind:
    if feedback in COMPLAINTS:
        return Kind.COMPLAINT
    return Kind.NOTICE if feedback == "not-spam" else Kind.UNKNOWN


def _completed(original: Original, fields: Fields) -> Original:
    """The report may name the return path where the enclosed mail does not."""
    path = typed(text_of(fields, "Original-Mail-From"))
    return Original(original.return_path or path, original.message_id)
