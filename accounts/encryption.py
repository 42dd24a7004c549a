"""Secrets that the database keeps, which are read with ENCRYPTION_KEYS alone."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

PURPOSE = b"mailer: secrets at rest"


class Undecryptable(Exception):
    """The key that it was encrypted with is not in ENCRYPTION_KEYS, or it was changed."""


def encrypt(secret: str) -> str:
    """Return `secret` as the database keeps it, under the newest key."""
    return _cipher(*settings.ENCRYPTION_KEYS).encrypt(secret.encode()).decode()


def decrypt(kept: str) -> str:
    """Return the secret. Raises Undecryptable, with what to do."""
    with_any = _cipher(*settings.ENCRYPTION_KEYS)
    try:
        return with_any.decrypt(kept).decode()
    except InvalidToken:
        raise Undecryptable(
            "ENCRYPTION_KEYS lacks the key that this was encrypted with. Put it back into the "
            "list, at its end."
        ) from None


def reencrypt(kept: str) -> str:
    """Return the same secret under the newest key. Raises Undecryptable, with what to do."""
    return encrypt(decrypt(kept))


@lru_cache(maxsize=4)
def _cipher(*keys: str) -> MultiFernet:
    return MultiFernet([Fernet(_derived(key)) for key in keys])


def _derived(key: str) -> bytes:
    """Fernet wants 32 bytes; operators give as many characters as they like, of any kind."""
    derivation = HKDF(SHA256(), length=32, salt=None, info=PURPOSE)
    return urlsafe_b64encode(derivation.derive(key.encode()))
