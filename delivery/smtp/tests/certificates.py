"""Certificates for servers in tests: signed by themselves, or by an authority of their own."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class Certificate:
    """`chain` (PEM) also serves as the `ca_file` of a client that shall trust it."""

    chain: str
    key: str

    def server_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.chain, self.key)
        return context


def make_certificate(
    folder: Path, *addresses: str, names: Sequence[str] = ("localhost",), days: int = 1
) -> Certificate:
    """A certificate for host names and IP addresses, written to `folder`; `days` < 0: expired."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _build(key, addresses, names, days)
    made = Certificate(str(folder / "certificate.pem"), str(folder / "key.pem"))
    Path(made.chain).write_bytes(_pem(certificate))
    _write_key(key, made.key)
    return made


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate as an authority hands it out, all PEM; `chain` is what a server shows."""

    leaf: str
    chain: str
    root: str
    key: str


def make_issued(folder: Path, *, names: Sequence[str] = ("localhost",), days: int = 60) -> Issued:
    """A certificate of an intermediate authority, which a root vouches for; named as by certbot."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]
    subjects = ["Root", "Intermediate", names[0]]
    root = _build(keys[0], (), (), days, subjects[0], path_length=1)
    intermediate = _build(keys[1], (), (), days, subjects[1], issuer=root, signer=keys[0])
    leaf = _build(
        keys[2], (), names, days, subjects[2], issuer=intermediate, signer=keys[1], path_length=None
    )
    named = ("cert.pem", "fullchain.pem", "root.pem", "privkey.pem")
    made = Issued(*(str(folder / name) for name in named))
    Path(made.leaf).write_bytes(_pem(leaf))
    Path(made.chain).write_bytes(_pem(leaf) + _pem(intermediate))
    Path(made.root).write_bytes(_pem(root))
    _write_key(keys[2], made.key)
    return made


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _write_key(key: ec.EllipticCurvePrivateKey, path: str) -> None:
    Path(path).write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def _build(
    key: ec.EllipticCurvePrivateKey,
    addresses: Sequence[str],
    hosts: Sequence[str],
    days: int,
    subject: str = "localhost",
    *,
    issuer: x509.Certificate | None = None,
    signer: ec.EllipticCurvePrivateKey | None = None,
    path_length: int | None = 0,
) -> x509.Certificate:
    """Build one, signed by itself without an issuer; no authority without a path length."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    signer = signer or key
    names: list[x509.GeneralName] = [x509.DNSName(host) for host in hosts]
    names += [x509.IPAddress(ip_address(address)) for address in addresses]
    end = datetime.now(UTC) + timedelta(days=days)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - timedelta(days=abs(days), hours=1))
        .not_valid_after(end)
        .add_extension(
            x509.BasicConstraints(ca=path_length is not None, path_length=path_length),
            critical=True,
        )
        # They tell apart certificates of one name, which these have.
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(signer, hashes.SHA256())
