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


@dataclass(frozen=True, slots=True)
class SigningKey:
    """`algorithm` is the value of a=; `sign` makes the signature of a canonical header."""

    algorithm: str
    sign: Callable[[bytes], bytes]


def load_signing_key(pem: bytes) -> SigningKey:
    """Read a private key in PEM form that can be trusted to be a sound one.

    Raises ValueError, a sentence, for what DKIM can't sign with.
    """
    key = _read(pem)
    if isinstance(key, RSAPrivateKey):
        return _rsa(key)
    if isinstance(key, Ed25519PrivateKey):
        return SigningKey("ed25519-sha256", lambda header: key.sign(sha256(header).digest()))
    raise ValueError("The key is neither RSA nor Ed25519, and DKIM has no other.")


def _read(pem: bytes) -> object:
    try:  # to check the primes of an RSA key anew would take 25 ms
        return load_pem_private_key(pem, password=None, unsafe_skip_rsa_key_validation=True)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        raise ValueError("The key is no private key in PEM form without a password.") from None


def _rsa(key: RSAPrivateKey) -> SigningKey:
    if key.key_size not in RSA_BITS:
        raise ValueError(
            f"The RSA key has {key.key_size} bits; receivers want {RSA_BITS[0]} to {RSA_BITS[-1]}."
        )
    padding, digest = PKCS1v15(), SHA256()
    return SigningKey("rsa-sha256", lambda header: key.sign(header, padding, digest))
