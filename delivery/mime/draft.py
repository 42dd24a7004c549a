"""What a message consists of before it is bytes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final, Literal, NamedTuple

import idna

from emails.addresses import Address
from emails.headers import (
    UnsafeHeader,
    check_custom_headers,
    check_header_text,
    check_written_header,
    header_pairs,
)
from emails.parts import check_content_id, check_content_type
from uploads.filenames import check_filename

Pairs = tuple[tuple[str, str], ...]
"""Names and values of header fields."""

WRITTEN: Final = frozenset({"received", "sender", "to", "cc", "reply-to", "date"})
"""Fields that may come as their program wrote them, in place of what we would write."""

# Narrower than RFC 5322 §3.6.4 and §3.4.1: no white space, no quoting, nothing that a list of
# addresses or a msg-id could be split at.
_MESSAGE_ID = re.compile(r"<[!#$%&'*+./0-9=?A-Z^_`a-z{|}~-]+@[0-9A-Za-z.-]+>")
_MESSAGE_ID_LIMIT = 400  # room for every domain of an address (254 octets), within one line
_LOCAL_PART = re.compile(r"[!#$%&'*+./0-9=?A-Z^_`a-z{|}~\u00a0-\ud7ff\ue000-\U0010ffff-]+")
_DOMAIN = re.compile(r"[0-9A-Za-z.-]+")


@dataclass(frozen=True, slots=True)
class Part:
    """An attached file: `content_type` is its media type, `content_id` has no angle brackets."""

    filename: str
    content_type: str
    content: bytes
    content_id: str | None = None
    disposition: Literal["attachment", "inline"] = "attachment"

    def check(self) -> None:
        """Raise UnsafeHeader or UnsafeFilename for what cannot stand in the part's header."""
        check_filename(self.filename)
        check_content_type(self.content_type)
        if self.content_id is not None:
            check_content_id(self.content_id)


class Draft(NamedTuple):
    """One message. There is no Bcc: those recipients are in the envelope alone.

    `message_id` comes with its angle brackets, `date` is aware, `headers` are the custom ones.
    """

    from_: Address
    to: tuple[Address, ...]
    subject: str
    html: str | None
    text: str | None
    message_id: str
    date: datetime
    cc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    headers: Pairs = ()
    attachments: tuple[Part, ...] = ()
    written: Pairs = ()  # of WRITTEN, each in place of ours
    entity: bytes | None = None  # Content-… fields and body as they came, in place of all bodies

    def check(self) -> None:
        """Raise UnsafeHeader or UnsafeFilename for what cannot stand in a header."""
        check_header_text(self.subject)
        check_custom_headers(self.headers)
        for name, value in self.written:
            check_written_header(name, value)
        for address in self.addresses:
            _check_address(address)
        for part in self.attachments:
            part.check()
        if not is_message_id(self.message_id):
            raise UnsafeHeader("The Message-ID has to look like <name@domain>.")
        if self.date.utcoffset() is None:
            raise UnsafeHeader("The Date has to be aware of its time zone.")

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Every address that its headers name."""
        return (self.from_, *self.to, *self.cc, *self.reply_to)


def is_message_id(value: str) -> bool:
    """Whether a Message-ID, with its angle brackets, can be sent as it is."""
    return len(value) <= _MESSAGE_ID_LIMIT and _MESSAGE_ID.fullmatch(value) is not None


def split_fields(headers: Mapping[str, str | list[str]]) -> tuple[Pairs, Pairs]:
    """Return the fields of WRITTEN and the custom ones; a name may have several values."""
    pairs = header_pairs(headers)
    written = tuple(pair for pair in pairs if pair[0].lower() in WRITTEN)
    return written, tuple(pair for pair in pairs if pair not in written)


def needs_smtputf8(draft: Draft) -> bool:
    """Whether the header holds raw UTF-8 (RFC 6532), for a local part that ASCII cannot write.

    Such a message goes only to servers that offer SMTPUTF8, whoever its recipient is.
    """
    return any(address.needs_smtputf8 for address in draft.addresses)


@lru_cache(maxsize=1024)  # the sender of all mails is one of a few
def _check_address(address: Address) -> None:
    check_header_text(address.name)
    check_header_text(address.email)
    try:
        domain = address.domain
    except idna.IDNAError as error:
        raise UnsafeHeader(f"The domain of an address has no A-label: {error}.") from error
    if not _LOCAL_PART.fullmatch(address.local_part) or not _DOMAIN.fullmatch(domain):
        raise UnsafeHeader("An address has to look like name@domain.")
