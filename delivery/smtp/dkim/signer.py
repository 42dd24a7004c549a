"""Writes the DKIM-Signature field (RFC 6376 §3.5, §5)."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from hashlib import sha256

from ..addresses import to_ascii_domain
from .canonical import relaxed_body, relaxed_field
from .header import cover, split_message
from .keys import load_signing_key

_NAME = b"DKIM-Signature"
_LINE = 76
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAMES = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_DNS_LIMIT = 253  # characters in a name as it is written (RFC 1035 §2.3.4)


class Signer:
    """Signs for one domain with one key; used by many threads at once.

    The public key is looked up in the TXT record of `<selector>._domainkey.<domain>` (§3.6.2).
    """

    def __init__(self, domain: str, selector: str, private_key_pem: bytes) -> None:
        """Raise ValueError, a sentence with what to do, for what can't be signed with."""
        domain = _domain(domain)
        if not _NAMES.fullmatch(selector):
            raise ValueError(
                f"The selector {selector!r} can't stand in the DNS. Use letters, digits and "
                "hyphens, such as s2025."
            )
        if len(f"{selector}._domainkey.{domain}") > _DNS_LIMIT:
            raise ValueError("Selector and domain are too long together for the DNS.")
        self._key = load_signing_key(private_key_pem)
        self._begin = (
            f" v=1; a={self._key.algorithm}; c=relaxed/relaxed;\r\n d={domain};\r\n s={selector};"
        )

    def sign(self, message: bytes, now: datetime) -> bytes:
        """Return the message with its signature on top; all else stays as it was.

        `now` is aware; the same message and second give the same bytes. The whole body is signed
        (no l=), and header fields so that none of them can be changed, nor another one be added.
        Raises ValueError for a message with a bare CR or LF, a malformed header or no From.
        """
        fields, body = split_message(message)
        covered = cover(fields)
        value = self._without_signature(covered.names, sha256(relaxed_body(body)).digest(), now)
        # The signature covers its own field too, with an empty b= and no CRLF (§3.7).
        signature = self._key.sign(covered.hashed + relaxed_field(_NAME, value))
        return b"%b:%b%b\r\n%b" % (_NAME, value, _in_lines(signature), message)

    def _without_signature(self, names: Iterable[str], body_hash: bytes, now: datetime) -> bytes:
        if now.utcoffset() is None:
            raise ValueError("the time of a signature has to be aware of its time zone")
        second, digest = int(now.timestamp()), b64encode(body_hash).decode()
        lines = [f"{self._begin} t={second};", f" bh={digest};", f"{_names(names)};", " b="]
        return "\r\n".join(lines).encode()


def _domain(given: str) -> str:
    """In A-labels (RFC 8616 §4)."""
    with suppress(ValueError):
        domain = to_ascii_domain(given)
        if _NAMES.fullmatch(domain):
            return domain
    raise ValueError(f"{given!r} is no domain. Give the one of your From, such as example.com.")


def _names(names: Iterable[str]) -> str:
    """The tag h=, folded before names (§3.5)."""
    line, lines, colon = " h=", [], ""
    for name in names:
        line += colon
        if len(line) + len(name) >= _LINE:
            lines.append(line)
            line = " "
        line, colon = line + name, ":"
    return "\r\n".join([*lines, line])


def _in_lines(signature: bytes) -> bytes:
    """Base64, folded, but not right behind `b=`, where not every verifier expects it."""
    text, first = b64encode(signature), _LINE - len(" b=")
    rest = [text[start : start + _LINE - 1] for start in range(first, len(text), _LINE - 1)]
    return b"\r\n ".join([text[:first], *rest])
