"""The one value that every mail that came back is read into."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from delivery.smtp.classification import Reason


class Kind(StrEnum):
    """What a mail that came back is."""

    BOUNCE = "bounce"  # given up, and refused for good
    SOFT_BOUNCE = "soft_bounce"  # given up, for what may pass
    DELAY = "delay"  # not given up yet
    COMPLAINT = "complaint"  # the reader called it spam, or wants no more
    NOTICE = "notice"  # delivered, read, not spam: nothing to do
    AUTO_REPLY = "auto_reply"  # a program answered, as for somebody who is away
    UNKNOWN = "unknown"  # for people to read


@dataclass(frozen=True, slots=True)
class Original:
    """What a report encloses of the mail that it is about; "" for what it leaves out."""

    return_path: str = ""
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a mail that came back says. All texts are storable: no NUL, no half surrogates.

    `recipient` is the address that it names, "" where it names none. `status` is the code of
    RFC 3463, `code` that of the reply, `text` what the server said beside both. `key` is the same
    for the same mail, however often it comes. `why`, with UNKNOWN: a phrase for people.
    """

    kind: Kind
    key: str
    reason: Reason = Reason.UNKNOWN
    status: str = ""
    code: int | None = None
    text: str = ""
    recipient: str = ""
    reporter: str = ""  # who says so
    feedback: str = ""  # the Feedback-Type of a complaint
    original: Original = Original()
    why: str = ""
