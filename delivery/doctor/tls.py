"""Whether the certificate of our mail server is readable, valid, trusted and for its name."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from delivery.doctor.examination import Examination
from delivery.doctor.verdict import Level, Verdict
from delivery.domains.installation import Installation

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
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        certificate = x509.load_pem_x509_certificate(Path(path).read_bytes())
        ours.load_cert_chain(path, examination.key_file)
    except (OSError, ValueError) as error:
        return _verdict(
            path,
            Level.PROBLEM,
            f"The certificate or its key can't be used: {error}",
            "See that both files are there, belong together and may be read by the mail server.",
        )
    return (
        _misfit(certificate, path, examination.installation.mail_host)
        or _distrusted(ours, path, examination.installation)
        or _ending(certificate, path, examination.installation.mail_host)
    )


def _misfit(certificate: x509.Certificate, path: str, host: str) -> Verdict | None:
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
    return None


def _distrusted(ours: ssl.SSLContext, path: str, installation: Installation) -> Verdict | None:
    why = _refused(ours, installation.mail_host)
    if not why:
        return None
    says = f"Who checks the certificate does not trust it: {why}."
    if installation.offers_policy:
        says += " Bounces to domains that announce our MTA-STS policy do not come."
    return _verdict(
        path,
        Level.PROBLEM if installation.offers_policy else Level.WARNING,
        says,
        "Let TLS_CERT_FILE hold the chain (certbot: fullchain.pem, not cert.pem), from an "
        "authority that everybody knows.",
    )


def _refused(ours: ssl.SSLContext, host: str) -> str:
    """Return why a server that checks certificates leaves when it sees ours, "" if it does not.

    It sees what the mail server shows, and trusts the roots of this machine.
    """
    to_us, to_them = ssl.MemoryBIO(), ssl.MemoryBIO()
    them = ssl.create_default_context().wrap_bio(to_them, to_us, server_hostname=host)
    us = ours.wrap_bio(to_us, to_them, server_side=True)
    try:
        for side in (them, us, them):  # hello, certificate, judgement
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
    except ssl.SSLError as error:
        return getattr(error, "verify_message", "") or str(error)
    return ""


def _ending(certificate: x509.Certificate, path: str, host: str) -> Verdict:
    ends = certificate.not_valid_after_utc
    if ends - datetime.now(UTC) < SOON:
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
