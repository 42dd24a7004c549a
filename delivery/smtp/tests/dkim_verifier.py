"""dkimpy as verifier, keys to sign with, and messages for tests of DKIM."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime

import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, PublicFormat

from delivery.smtp.dkim import Signer, sign

DOMAIN, SELECTOR = "example.com", "s2025"
NOW = datetime(2025, 3, 1, 12, 30, 7, 999_999, tzinfo=UTC)

RSA = generate_private_key(65537, 2048)
ED25519 = Ed25519PrivateKey.generate()
KEYS = {"rsa": RSA, "ed25519": ED25519}


def pem(
    key: object,
    form: PrivateFormat = PrivateFormat.PKCS8,
    encryption: serialization.KeySerializationEncryption | None = None,
) -> bytes:
    return key.private_bytes(Encoding.PEM, form, encryption or serialization.NoEncryption())


def public_record(key: RSAPrivateKey | Ed25519PrivateKey) -> bytes:
    """What stands in the DNS (RFC 6376 §3.6.1, RFC 8463 §4.2)."""
    if isinstance(key, Ed25519PrivateKey):
        raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return b"v=DKIM1; k=ed25519; p=" + b64encode(raw)
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b"v=DKIM1; k=rsa; p=" + b64encode(der)


SIGNERS = {name: Signer(DOMAIN, SELECTOR, pem(key)) for name, key in KEYS.items()}
RECORDS = {name: public_record(key) for name, key in KEYS.items()}


def signed_by(kind: str, message: bytes, now: datetime = NOW) -> bytes:
    """The message, signed by the key of that kind."""
    return sign(message, [SIGNERS[kind]], now)


def verifies(message: bytes, kind: str = "rsa") -> bool:
    """Whether dkimpy takes the topmost signature for one by the key of that kind."""

    def look_up(name: bytes, timeout: float = 0) -> bytes | None:
        found = name == f"{SELECTOR}._domainkey.{DOMAIN}.".encode()
        return RECORDS[kind] if found else None

    return bool(dkim.verify(message, dnsfunc=look_up))


def tags(signed: bytes) -> dict[str, str]:
    """The tags of the topmost field, without any white space."""
    name, _, rest = signed.partition(b":")
    assert name == b"DKIM-Signature"
    value = rest.partition(b"\r\n" + message_after(signed))[0].decode()
    pairs = [tag.partition("=") for tag in "".join(value.split()).split(";")]
    assert len({key for key, _, _ in pairs}) == len(pairs)
    return {key: text for key, _, text in pairs}


def message_after(signed: bytes) -> bytes:
    """The message below the topmost field."""
    lines = signed.split(b"\r\n")
    end = next(n for n in range(1, len(lines)) if lines[n][:1] not in (b" ", b"\t"))
    return b"\r\n".join(lines[end:])
