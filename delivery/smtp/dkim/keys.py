"""Private keys that DKIM knows: RSA and Ed25519."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

RSA_BITS = range(2048, 4096 + 1)
"""Signers should have 2048 or more, verifiers must know up to 4096 (RFC 8301 §3.2)."""

ADVICE = "Make one by `openssl genrsa -out dkim.pem 2048`."


@dataclass(frozen=True, slots=True)
class SigningKey:
    """`algorithm` is the value of a=; `sign` makes the signature of a canonical header."""

    algorithm: str
    sign: Callable[[bytes], bytes]


def load_signing_key(pem: bytes) -> SigningKey:
    """Read a private key in PKCS#1 or PKCS#8. Raises ValueError: a sentence with what to do."""
    key = _read(pem)
    if isinstance(key, RSAPrivateKey):
        return _rsa(key)
    if isinstance(key, Ed25519PrivateKey):
        return SigningKey("ed25519-sha256", lambda header: key.sign(sha256(header).digest()))
    raise ValueError(f"The key is neither RSA nor Ed25519, and DKIM has no other. {ADVICE}")


def _read(pem: bytes) -> object:
    try:
        return load_pem_private_key(pem, password=None)
    except TypeError:
        raise ValueError(
            "The key has a password, which a worker can't be asked for. "
            "Remove it by `openssl pkey -in dkim.pem -out open.pem`."
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        if b"-----BEGIN " in pem and b" PRIVATE KEY-----" not in pem:
            raise ValueError("It is not the private key: give that, not its public part.") from None
        raise ValueError(f"The key is no private key in PEM form. {ADVICE}") from None


def _rsa(key: RSAPrivateKey) -> SigningKey:
    if key.key_size not in RSA_BITS:
        raise ValueError(
            f"The RSA key has {key.key_size} bits; receivers want {RSA_BITS[0]} to {RSA_BITS[-1]}. "
            + ADVICE
        )
    padding, digest = PKCS1v15(), SHA256()
    return SigningKey("rsa-sha256", lambda header: key.sign(header, padding, digest))
