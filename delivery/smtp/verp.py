"""Return paths that say whose mail came back: `b+<token>@<domain>`, signed (VERP).

A token is lower-case base32, since some servers fold case, of: recipient id (at most 8 bytes), the
day on which it was made (2 bytes, since 2020), and 16 bytes of HMAC-SHA256 over both. With "b+"
that is 44 characters at most, of the 64 that a local part may have (RFC 5321 §4.5.3.1.1).
"""

from __future__ import annotations

import hmac
from base64 import b32decode, b32encode
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PREFIX = "b+"
MAX_TOKEN = 62
_EPOCH = date(2020, 1, 1)
_LABEL = b"return path/1"
_MAC_LENGTH = 16
_ID_LIMIT = 1 << 63


class ReturnPaths:
    """Writes return paths with the newest of `keys`, and reads those of all of them.

    `keys` are secrets, newest first. A path is good for `days` days after the day that it was
    written on.
    """

    def __init__(self, keys: Sequence[str], days: int) -> None:
        if isinstance(keys, str) or not keys or not all(keys):
            raise ValueError("return paths need a list of keys, none of them empty")
        self._keys = [_derive(key) for key in keys]
        self._days = days

    def local_part(self, recipient_id: int, now: datetime) -> str:
        """Return what stands before the @. The id is positive and fits a signed 64-bit column."""
        signed = _id_bytes(recipient_id) + _day(now).to_bytes(2, "big")
        return PREFIX + _encode(signed + _mac(self._keys[0], signed))

    def read(self, local_part: str, now: datetime) -> int | None:
        """Return the recipient's id; None for what is forged, changed, cut or expired."""
        raw = _decode(local_part)
        signed, mac = raw[:-_MAC_LENGTH], raw[-_MAC_LENGTH:]
        if not any(hmac.compare_digest(_mac(key, signed), mac) for key in self._keys):
            return None
        day = int.from_bytes(signed[-2:], "big")
        if not day - 1 <= _day(now) <= day + self._days:  # clocks of our machines may differ
            return None
        return int.from_bytes(signed[:-2], "big")


def _derive(key: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=_LABEL).derive(key.encode())


def _mac(key: bytes, signed: bytes) -> bytes:
    return hmac.digest(key, signed, "sha256")[:_MAC_LENGTH]


def _day(now: datetime) -> int:
    return (now.astimezone(UTC).date() - _EPOCH) // timedelta(days=1)


def _encode(raw: bytes) -> str:
    return b32encode(raw).decode("ascii").rstrip("=").lower()


def _decode(local_part: str) -> bytes:
    """Undo `_encode`, in any case; nothing that it does not write (RFC 4648 §3.5: spare bits)."""
    folded = local_part.lower()
    token = folded[len(PREFIX) :]
    if not folded.startswith(PREFIX) or not folded.isascii() or len(token) > MAX_TOKEN:
        return b""
    try:
        raw = b32decode(token.upper() + "=" * (-len(token) % 8))
    except ValueError:
        return b""
    return raw if _encode(raw) == token else b""


def _id_bytes(number: int) -> bytes:
    if not 0 < number < _ID_LIMIT:
        raise ValueError(f"not a positive 64-bit id: {number}")
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
