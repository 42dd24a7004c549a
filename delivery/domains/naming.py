"""Which names can be sending domains, and how they are kept."""

from __future__ import annotations

import re

from delivery.smtp.addresses import to_ascii_domain

LONGEST = 220  # room for what is put before it in DNS, within 253 (RFC 1035 §2.3.4)

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NOBODYS = ("localhost", "invalid", "onion", "arpa")  # names that no mail comes from (RFC 6761)


class BadName(ValueError):
    """Not a name that mail can be sent from; its text says what to give instead."""


def sending_name(written: str) -> str:
    """Return a domain in lower case as A-labels (RFC 5890 §2.3.2.1). Raises BadName.

    Public suffixes such as co.uk are no special case: nobody can publish a key there but those
    who run them.
    """
    text = written.strip().removesuffix(".")
    if "@" in text or "/" in text or ":" in text:
        raise BadName("Give the domain alone, such as example.com: no address and no URL.")
    try:
        name = to_ascii_domain(text).lower()
    except ValueError:
        raise BadName("This is no domain. Give a name such as example.com.") from None
    labels = name.split(".")
    if len(name) > LONGEST or not all(map(_LABEL.fullmatch, labels)):
        raise BadName("This is no domain. Give a name such as example.com.")
    if labels[-1].isdigit():
        raise BadName("This is an IP address. Give a domain such as example.com.")
    if len(labels) == 1 or labels[-1] in _NOBODYS:
        raise BadName(f"Nobody can send from {name}. Give a domain of yours, such as example.com.")
    return name
