"""Who stands in the header of a message, and who of its envelope does not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import getaddresses

from delivery.submitted.fields import Fields, wrong
from delivery.submitted.words import decoded_words
from emails.addresses import Address, InvalidAddress, checked_address

# One that is never closed reaches to the end: to look for it at each quote in turn takes for ever.
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)', re.DOTALL)
_COMMENT = re.compile(r"\([^()]*\)")


@dataclass(frozen=True, slots=True)
class Mailboxes:
    """The mailboxes of a field, those that are addresses; `exact` where it has nothing else.

    What is not exact has groups, the empty one of `undisclosed-recipients:;` among them, or names
    that are no addresses, such as those of local users.
    """

    addresses: tuple[Address, ...] = ()
    exact: bool = True


def mailboxes(value: str) -> Mailboxes:
    """Read a list of mailboxes (RFC 5322 §3.4)."""
    found = [_address(name, spec) for name, spec in _pairs(value)]
    addresses = tuple(address for address in found if address)
    outside_quotes = _COMMENT.sub("", _QUOTED.sub("", value))
    return Mailboxes(addresses, len(addresses) == len(found) and ":" not in outside_quotes)


def sender_of(fields: Fields, mail_from: str) -> Address:
    """Return the address of From; where that is missing, of the envelope. Raises InvalidRequest."""
    found = mailboxes(fields.one("from") or mail_from)
    if len(found.addresses) != 1 or not found.exact:
        raise wrong("From", "Write one address, such as Shop <shop@example.com>.")
    return found.addresses[0]


def _pairs(value: str) -> list[tuple[str, str]]:
    try:
        return getaddresses([value]) if value else []
    except RecursionError:  # comments within comments within comments
        return [("", "")]


def _address(name: str, spec: str) -> Address | None:
    try:
        return checked_address(spec, decoded_words(name))
    except InvalidAddress:
        return None
