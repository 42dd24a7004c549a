"""Key pairs of DKIM, made here and never imported: nobody else has the private part."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

RSA_BITS = 2048  # RFC 8301 §3.2; a longer key's record passes 512 bytes, where DNS goes over to TCP


@dataclass(frozen=True, slots=True)
class KeyPair:
    """`private` is PKCS#8 in PEM form, `public` base64 as p= has it (RFC 6376 §3.6.1)."""

    private: str = field(repr=False)
    public: str


def rsa_pair() -> KeyPair:
    """Return a new RSA pair. It takes a tenth of a second, sometimes half of one."""
    key = generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return KeyPair(_pem(key), b64encode(der).decode())


def ed25519_pair() -> KeyPair:
    """Return a new Ed25519 pair, whose public part is the bare 32 bytes (RFC 8463 §4)."""
    key = Ed25519PrivateKey.generate()
    return KeyPair(_pem(key), b64encode(key.public_key().public_bytes_raw()).decode())


def _pem(key: RSAPrivateKey | Ed25519PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


PAIRS: dict[str, Callable[[], KeyPair]] = {"rsa": rsa_pair, "ed25519": ed25519_pair}
"""How to make one, by the value of k= in its record."""


def new_pairs(algorithms: Iterable[str] = tuple(PAIRS)) -> dict[str, KeyPair]:
    """Return a new pair of each kind. Call it outside of transactions: RSA takes its time."""
    return {algorithm: PAIRS[algorithm]() for algorithm in algorithms}
