"""Refuse, with a sentence that says what to do, whatever must not reach a header of a message.

Nothing is ever stripped: what a caller wrote goes out as it was written, or not at all.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

LINE_LIMIT: Final = 998
"""Octets in a line, without CRLF (RFC 5322 §2.1.1)."""
NAME_LIMIT: Final = 50
"""Characters in a custom field name, so that an encoded word still fits beside it."""
ASCII_NAME_LIMIT: Final = 100
"""Characters in the name of a field whose value needs no encoded word."""
VALUE_LIMIT: Final = 4_000
"""Characters in one custom value: room for the References of a long thread."""
TOTAL_LIMIT: Final = 16_000
"""Characters in all custom headers together, names included."""

_UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_FIELD_NAME = re.compile(r"[!-9;-~]+")  # ftext, RFC 5322 §3.6.8
_RUN = re.compile(r"[ \t]*[^ \t]+")

_NAMES = {
    "\0": "NULL",
    "\n": "LINE FEED",
    "\v": "LINE TABULATION",
    "\f": "FORM FEED",
    "\r": "CARRIAGE RETURN",
    "\x1b": "ESCAPE",
    "\x7f": "DELETE",
    "\x85": "NEXT LINE",
    "\u2028": "LINE SEPARATOR",
    "\u2029": "PARAGRAPH SEPARATOR",
}

_BY_US = "the platform writes it"
_BY_RECEIVER = "only the servers that a message passes through may write it"
_BY_PARTS = "it follows from html_body, text_body and attachments"
_RESENT = "it belongs to a message that a person forwards; send a new email instead"
_REFUSED = {
    "from": "use from_email and from_name",
    "sender": "use from_email and from_name",
    "to": "use to_email and to_name",
    "cc": "use cc",
    "bcc": "use bcc",
    "apparently-to": "use to_email, cc or bcc",
    "reply-to": "use reply_to",
    "subject": "use subject",
    "date": _BY_US,
    "message-id": "the platform writes it, and answers with message_id",
    "mime-version": _BY_US,
    "dkim-signature": "the platform signs with the key of your sending domain",
    "domainkey-signature": "the platform signs with the key of your sending domain",
    "return-path": "the platform collects bounces for you",
    "errors-to": "the platform collects bounces for you",
    "received": _BY_RECEIVER,
    "received-spf": _BY_RECEIVER,
    "delivered-to": _BY_RECEIVER,
    "authentication-results": _BY_RECEIVER,
}
_REFUSED_PREFIXES = {"content-": _BY_PARTS, "resent-": _RESENT, "arc-": _BY_RECEIVER}

_ONCE = frozenset({"in-reply-to", "references"})
_STRUCTURED = _ONCE | {"auto-submitted", "disposition-notification-to", "precedence", "feedback-id"}


class UnsafeHeader(ValueError):
    """Something that cannot stand in a header; its text says what and what to do instead."""


def check_header_text(value: str) -> None:
    """Refuse text that cannot stand in a header: a subject, a display name, a custom value.

    A tab is white space like a space (RFC 5322 §2.2.2) and passes. Every other control character
    (C0, C1, the Unicode line ends) and lone surrogates raise UnsafeHeader, as do more than
    998 characters.
    """
    if found := _UNSAFE.search(value):
        raise UnsafeHeader(
            f"It contains {_describe(found[0])} at position {found.start()}; remove it."
        )
    if len(value) > LINE_LIMIT:
        raise UnsafeHeader(f"It has {len(value)} characters; use at most {LINE_LIMIT}.")


def check_custom_header(name: str, value: str) -> None:
    """Refuse a caller's own header that is malformed, too long, or not the caller's to set."""
    _check_field_name(name)
    _check_length(name, value)
    _check_value(name, value)


def check_custom_headers(headers: Iterable[tuple[str, str]]) -> None:
    """Check each custom header, their total size, and that none which may occur once repeats."""
    total = 0
    seen: set[str] = set()
    for name, value in headers:
        check_custom_header(name, value)
        total += len(name) + len(value)
        if (key := name.lower()) in seen and _occurs_once(key):
            raise UnsafeHeader(f"The header {name} may occur once; join its values into one.")
        seen.add(key)
    if total > TOTAL_LIMIT:
        raise UnsafeHeader(f"The headers have {total} characters; use at most {TOTAL_LIMIT}.")


def check_written_header(name: str, value: str) -> None:
    """Refuse a field that stands in place of ours where it can't go out exactly as it is."""
    if found := _UNSAFE.search(value):
        raise UnsafeHeader(f"The header {name} contains {_describe(found[0])}; remove it.")
    if not value.isascii():
        raise UnsafeHeader(f"The header {name} takes ASCII only; write names as encoded words.")
    if len(value) > TOTAL_LIMIT:
        raise UnsafeHeader(f"The header {name} has more than {TOTAL_LIMIT} characters.")
    _check_foldable(name, value)


def is_ours(name: str) -> bool:
    """Whether the platform or the servers on the way write this field, and not the caller."""
    return _advice(name.lower()) is not None


def header_pairs(headers: Mapping[str, str | list[str]]) -> list[tuple[str, str]]:
    """Return name and value of each field, of those that repeat one after the other."""
    return [
        (name, value)
        for name, values in headers.items()
        for value in ([values] if isinstance(values, str) else values)
    ]


def is_structured(name: str) -> bool:
    """Whether a custom field has a grammar of its own, where encoded words mean nothing."""
    key = name.lower()
    return key in _STRUCTURED or key.startswith("list-")


def _occurs_once(key: str) -> bool:
    return key in _ONCE or key.startswith("list-")  # RFC 5322 §3.6, RFC 2369 §2


def _describe(character: str) -> str:
    code = f"U+{ord(character):04X}"
    if "\ud800" <= character <= "\udfff":
        return f"the lone surrogate {code}"
    return f"{_NAMES.get(character, 'the control character')} ({code})"


def _check_field_name(name: str) -> None:
    if not _FIELD_NAME.fullmatch(name):
        raise UnsafeHeader(
            "A header name consists of printable ASCII characters without spaces and colon."
        )
    if advice := _advice(name.lower()):
        raise UnsafeHeader(f"The header {name} cannot be set: {advice}.")


def _check_length(name: str, value: str) -> None:
    limit = ASCII_NAME_LIMIT if value.isascii() else NAME_LIMIT
    if len(name) > limit:
        raise UnsafeHeader(f"The header name {name:.60} has more than {limit} characters.")


def _advice(key: str) -> str | None:
    for prefix, advice in _REFUSED_PREFIXES.items():
        if key.startswith(prefix):
            return advice
    return _REFUSED.get(key)


def _check_value(name: str, value: str) -> None:
    if found := _UNSAFE.search(value):
        raise UnsafeHeader(f"The header {name} contains {_describe(found[0])}; remove it.")
    if not value or value != value.strip(" \t"):
        raise UnsafeHeader(f"The header {name} is empty or has white space around it; remove it.")
    if len(value) > VALUE_LIMIT:
        raise UnsafeHeader(f"The header {name} has more than {VALUE_LIMIT} characters.")
    if value.isascii():
        _check_foldable(name, value)
    elif is_structured(name):
        raise UnsafeHeader(f"The header {name} takes ASCII only; percent-encode its URLs.")


def _check_foldable(name: str, value: str) -> None:
    """ASCII values are broken at white space only, so no run without it may fill a line."""
    if len(value) < LINE_LIMIT - ASCII_NAME_LIMIT - 2:
        return
    if max(map(len, _RUN.findall(value))) > LINE_LIMIT - len(name) - 2:
        raise UnsafeHeader(
            f"The header {name} has more than {LINE_LIMIT} characters that no space divides."
        )
