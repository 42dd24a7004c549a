"""Why a mail was refused: the many words of servers, read into a small set of reasons."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

MOST_TEXT = 2000  # characters; more than any reply, and little enough for any pattern


class Reason(StrEnum):
    """What a refusal was about."""

    BAD_MAILBOX = "bad_mailbox"  # there is no such mailbox
    BAD_DOMAIN = "bad_domain"  # there is no such domain, or it takes no mail
    INACTIVE = "inactive"  # the mailbox was there, and is shut
    FULL = "full"  # of the mailbox, or of the server
    POLICY = "policy"  # they do not want it, for reasons of their own
    SPAM = "spam"  # they take it, or where it comes from, for spam
    AUTH = "auth"  # SPF, DKIM, DMARC, reverse DNS or a login
    RATE = "rate"  # too much or too fast
    TOO_LARGE = "too_large"
    CONTENT = "content"  # what is in it, or how it is written
    TEMPORARY = "temporary"  # trouble of theirs that passes
    UNKNOWN = "unknown"

    @property
    def is_of_address(self) -> bool:
        """Whether a permanent refusal for it means that the address should not be tried again."""
        return self in (Reason.BAD_MAILBOX, Reason.BAD_DOMAIN, Reason.INACTIVE)


@dataclass(frozen=True, slots=True)
class Pattern:
    """Words of servers, as a regular expression; `example` is a reply in which it is found.

    `over_codes`: they hold also where the code blames the address.
    """

    reason: Reason
    regex: re.Pattern[str]
    example: str
    over_codes: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """What `classification.toml` says."""

    codes: dict[str, Reason]
    vague: dict[str, Reason]
    patterns: tuple[Pattern, ...]


# RFC 5321 §4.2.3, where there is neither a code of RFC 3463 nor a word that is known
_BASIC = {421: Reason.TEMPORARY, 552: Reason.FULL, 535: Reason.AUTH, 530: Reason.AUTH}


def classify_refusal(code: int | None, enhanced: str | None, text: str) -> Reason:
    """Return why a server refused: by reply code, enhanced status code and what it said.

    Each of code and enhanced code may be missing. A code that contradicts itself (550 4.2.2) is
    read as RFC 3463 says it. A code of the address counts only where the words are not about the
    sender: which of both is meant decides who is never written to again.
    """
    known, words = table(), _plain(text)
    coded = known.codes.get(enhanced or "")
    if coded and not coded.is_of_address:
        return coded
    for pattern in known.patterns:
        told = pattern.over_codes or not coded
        if told and pattern.regex.search(words) and _fits(pattern.reason, code, enhanced):
            return pattern.reason
    if coded:
        return coded
    if enhanced in known.vague:
        return known.vague[enhanced]
    if _is_transient(code, enhanced):
        return Reason.TEMPORARY
    return _BASIC.get(code or 0, Reason.UNKNOWN)


@cache
def table() -> Table:
    """Return the table, read once."""
    read = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
    return Table(
        codes={code: Reason(reason) for code, reason in read["codes"].items()},
        vague={code: Reason(reason) for code, reason in read["vague"].items()},
        patterns=tuple(
            Pattern(
                Reason(one["reason"]),
                re.compile(one["regex"], re.IGNORECASE),
                one["example"],
                one.get("over_codes", False),
            )
            for one in read["pattern"]
        ),
    )


def _plain(text: str) -> str:
    return " ".join(text[:MOST_TEXT].split())


def _is_transient(code: int | None, enhanced: str | None) -> bool:
    if enhanced:
        return enhanced.startswith("4.")
    return code is not None and code // 100 == 4


def _fits(reason: Reason, code: int | None, enhanced: str | None) -> bool:
    """Tell whether a reason found in the words goes with the codes.

    What is refused for now is not gone, and what is refused for good is no passing trouble.
    """
    transient = _is_transient(code, enhanced)
    if reason.is_of_address:
        return not transient
    return reason is not Reason.TEMPORARY or transient or not (code or enhanced)
