"""Writes the DKIM-Signature field (RFC 6376 §3.5, §5)."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from hashlib import sha256

from ..addresses import to_ascii_domain
from .canonical import relaxed_body, relaxed_field
from .header import Coverage, cover, split_message
from .keys import load_signing_key

_NAME = b"DKIM-Signature"
_LINE = 76
_PIECE = 2_000  # bytes; from 2,048 on hashlib gives the interpreter away
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAMES = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_DNS_LIMIT = 253  # characters in a name as it is written (RFC 1035 §2.3.4)


def sign(message: bytes, signers: Sequence[Signer], now: datetime) -> bytes:
    """Return the message with a signature of each signer on top, the first uppermost.

    All else stays as it was. Header fields are signed so that none of them can be changed, nor
    another one be added, and the whole body is (no l=). `now` is aware; the same message and
    second give the same bytes. Raises ValueError for a message with a bare CR or LF, a malformed
    header or no From.
    """
    fields, body = split_message(message)
    covered = cover(fields)
    body_hash = b64encode(_sha256(relaxed_body(body))).decode()
    signatures = [signer.field(covered, body_hash, now) for signer in signers]
    return b"".join([*signatures, message])


def _sha256(body: bytes) -> bytes:
    """Hash piece by piece, each too small for hashlib to let other threads run meanwhile.

    They would not let us go on soon: we are amid a row of mails, and they find our caches.
    """
    hashed = sha256()
    for begin in range(0, len(body), _PIECE):
        hashed.update(body[begin : begin + _PIECE])
    return hashed.digest()


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

    def field(self, covered: Coverage, body_hash: str, now: datetime) -> bytes:
        """Return the field DKIM-Signature with its CRLF; `body_hash` is the value of bh=."""
        value = self._without_signature(covered.names, body_hash, now)
        # The signature covers its own field too, with an empty b= and no CRLF (§3.7).
        signature = self._key.sign(covered.hashed + relaxed_field(_NAME, value))
        return b"%b:%b%b\r\n" % (_NAME, value, _in_lines(signature))

    def _without_signature(self, names: Iterable[str], body_hash: str, now: datetime) -> bytes:
        if now.utcoffset() is None:
            raise ValueError("the time of a signature has to be aware of its time zone")
        second = int(now.timestamp())
        lines = [f"{self._begin} t={second};", f" bh={body_hash};", f"{_names(names)};", " b="]
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
