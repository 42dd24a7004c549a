"""Whether the certificate of our mail server is readable, valid and for its name."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from delivery.doctor.examination import Examination
from delivery.doctor.verdict import Level, Verdict

SOON = timedelta(days=14)


def check_tls(examination: Examination) -> Iterator[Verdict]:
    """Read TLS_CERT_FILE and TLS_KEY_FILE, as the mail server does."""
    if not examination.cert_file:
        if examination.listens:
            yield _verdict(
                "TLS_CERT_FILE",
                Level.WARNING,
                "The mail server has no certificate: what comes to it comes unencrypted.",
                "Get one for its name (certbot) and set TLS_CERT_FILE and TLS_KEY_FILE.",
            )
        return
    yield _certificate(examination)


def _certificate(examination: Examination) -> Verdict:
    path = examination.cert_file
    try:
        certificate = x509.load_pem_x509_certificate(Path(path).read_bytes())
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path, examination.key_file)
    except (OSError, ValueError) as error:
        return _verdict(
            path,
            Level.PROBLEM,
            f"The certificate or its key can't be used: {error}",
            "See that both files are there, belong together and may be read by the mail server.",
        )
    return _judged(certificate, path, examination.installation.mail_host)


def _judged(certificate: x509.Certificate, path: str, host: str) -> Verdict:
    now, ends = datetime.now(UTC), certificate.not_valid_after_utc
    names = _names(certificate)
    if not any(_covers(name, host) for name in names):
        return _verdict(
            path,
            Level.PROBLEM,
            f"The certificate is for {', '.join(names) or 'no name'}, not for {host}.",
            f"Get one for {host}, or set HELO_NAME to a name that is in it.",
        )
    if not certificate.not_valid_before_utc <= now < ends:
        return _verdict(
            path,
            Level.PROBLEM,
            f"The certificate is valid from {certificate.not_valid_before_utc:%Y-%m-%d} to "
            f"{ends:%Y-%m-%d}, which is not now.",
            "Renew it (certbot renew); the mail server takes the new one by itself.",
        )
    if ends - now < SOON:
        return _verdict(
            path,
            Level.WARNING,
            f"The certificate ends on {ends:%Y-%m-%d}.",
            "See why it is not renewed by itself (certbot renew --dry-run).",
        )
    return _verdict(path, Level.OK, f"The certificate is for {host}, until {ends:%Y-%m-%d}.")


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return [name.lower() for name in found.value.get_values_for_type(x509.DNSName)]


def _covers(name: str, host: str) -> bool:
    """Match as clients do: a star stands for one label (RFC 6125 §6.4.3)."""
    if name.startswith("*."):
        return "." in host and host.partition(".")[2] == name[2:]
    return name == host


def _verdict(about: str, level: Level, says: str, advice: str = "") -> Verdict:
    return Verdict("tls", about, level, says, advice)
