"""Signed tokens that carry all a tracked link needs, so that it works without the database.

A token is URL-safe base64 without padding of: version, kind, email id and recipient id (LEB128),
for a click the target in UTF-8, and 16 bytes of HMAC-SHA256 over all before it.
"""

import hmac
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from tracking.targets import is_safe_target

# Holds every target of 2,000 characters, whatever its script (4 bytes each in UTF-8).
MAX_TOKEN_LENGTH = 11_000

_OPEN = b"\x01\x01"  # version 1, kind 1
_CLICK = b"\x01\x02"  # version 1, kind 2
_PURPOSES = {_OPEN: b"tracking/1/open", _CLICK: b"tracking/1/click"}
_MAC_LENGTH = 16
_ID_LIMIT = 1 << 63  # the ids are signed 64-bit columns

_TO_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_FROM_URL_SAFE = bytes.maketrans(b"-_", b"+/")


class BadToken(ValueError):
    """The token was not made by one of our keys, or says what we never sign."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A recipient's pixel was fetched."""

    email_id: int
    recipient_id: int


@dataclass(frozen=True, slots=True)
class Clicked:
    """A recipient followed a link to `url`, which is exactly what was signed."""

    email_id: int
    recipient_id: int
    url: str


class Keyring:
    """Signs tokens with the newest of its keys and reads those of all of them.

    `keys` are secrets, newest first. Put a new key in front to rotate; links signed with a key
    work for as long as the key stays in the list. Raises ValueError without keys or with an
    empty one.
    """

    __slots__ = ("_macs",)

    def __init__(self, keys: Sequence[str]) -> None:
        if isinstance(keys, str) or not keys or not all(keys):
            raise ValueError("Tracking needs a list of keys, newest first, none of them empty.")
        self._macs = {
            head: [_mac(_derive(key, purpose)) for key in keys]
            for head, purpose in _PURPOSES.items()
        }

    def open_token(self, email_id: int, recipient_id: int) -> str:
        """Sign for a pixel. The ids are positive and fit a signed 64-bit column: or ValueError."""
        return self._sign(_OPEN, _ids(email_id, recipient_id))

    def click_token(self, email_id: int, recipient_id: int, url: str) -> str:
        """Sign for a link to `url`.

        Raises ValueError where `is_safe_target` refuses the URL, where an id is not positive or
        too large, and where the token would pass MAX_TOKEN_LENGTH.
        """
        if not is_safe_target(url):
            raise ValueError(f"Not a safe target for a redirect: {url!r}")
        token = self._sign(_CLICK, _ids(email_id, recipient_id) + url.encode())
        if len(token) > MAX_TOKEN_LENGTH:
            raise ValueError(f"The URL is too long to be tracked: {len(url)} characters.")
        return token

    def read(self, token: str) -> Opened | Clicked:
        """Return what a token of ours says; BadToken for one changed in a single character."""
        raw = _decode(token)
        signed, mac = raw[:-_MAC_LENGTH], raw[-_MAC_LENGTH:]
        if not self._is_ours(signed, mac):
            raise BadToken("The signature does not match.")
        # A signature proves who wrote the token, not that it is well formed or still allowed.
        email_id, after = _read_varint(signed, 2)
        recipient_id, after = _read_varint(signed, after)
        if signed[:2] == _CLICK:
            return Clicked(email_id, recipient_id, _read_target(signed[after:]))
        if after != len(signed):
            raise BadToken("The token goes on after its end.")
        return Opened(email_id, recipient_id)

    def _sign(self, head: bytes, body: bytes) -> str:
        data = head + body
        newest = self._macs[head][0]
        return _encode(data + newest(data))

    def _is_ours(self, signed: bytes, mac: bytes) -> bool:
        macs = self._macs.get(signed[:2], [])
        return any(hmac.compare_digest(expected(signed), mac) for expected in macs)


def _derive(key: str, purpose: bytes) -> bytes:
    """A key for one purpose only: a pixel's signature says nothing about a link."""
    return hmac.digest(key.encode(), purpose, "sha256")


def _mac(key: bytes) -> Callable[[bytes], bytes]:
    """HMAC-SHA256 under `key`, cut to 16 bytes, its padded key hashed once (RFC 2104, 4).

    A mail signs a dozen links, and `hmac.digest` spends most of its time on setting up.
    """
    block = key.ljust(sha256().block_size, b"\0")
    inner = sha256(bytes(byte ^ 0x36 for byte in block))
    outer = sha256(bytes(byte ^ 0x5C for byte in block))

    def digest(data: bytes) -> bytes:
        inside = inner.copy()
        inside.update(data)
        outside = outer.copy()
        outside.update(inside.digest())
        return outside.digest()[:_MAC_LENGTH]

    return digest


def _encode(raw: bytes) -> str:
    return b2a_base64(raw, newline=False).translate(_TO_URL_SAFE).rstrip(b"=").decode("ascii")


def _decode(token: str) -> bytes:
    """Undo `_encode`, and accept nothing that it does not write (RFC 4648, 3.5: spare bits)."""
    if len(token) > MAX_TOKEN_LENGTH:
        raise BadToken("The token is too long.")
    try:
        standard = token.encode("ascii").translate(_FROM_URL_SAFE)
        raw = a2b_base64(standard + b"=" * (-len(token) % 4))
    except ValueError as error:
        raise BadToken("The token is not base64.") from error
    if _encode(raw) != token:
        raise BadToken("The token is not in its one canonical form.")
    return raw


@lru_cache(maxsize=256)  # all links of a mail carry the same two
def _ids(email_id: int, recipient_id: int) -> bytes:
    return _varint(email_id) + _varint(recipient_id)


def _varint(number: int) -> bytes:
    if not 0 < number < _ID_LIMIT:
        raise ValueError(f"Not a positive 64-bit id: {number}")
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _read_varint(data: bytes, start: int) -> tuple[int, int]:
    """Return the id that begins at `start`, and where it ends."""
    number = 0
    for position, byte in enumerate(data[start : start + 9]):
        number |= (byte & 0x7F) << (7 * position)
        if byte <= 0x7F:
            # One id has one form: no zero, no padding with zero bits.
            if byte == 0:
                break
            return number, start + position + 1
    raise BadToken("An id in the token is malformed.")


def _read_target(raw: bytes) -> str:
    try:
        url = raw.decode()
    except UnicodeDecodeError as error:
        raise BadToken("The target is not UTF-8.") from error
    if not is_safe_target(url):
        raise BadToken("The target is not one that a redirect may lead to.")
    return url
