"""Whether readers reach us: the links in mail lead to PUBLIC_URL."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from delivery.doctor.examination import Examination
from delivery.doctor.verdict import Level, Verdict, unanswered
from delivery.https import FetchError, Site
from delivery.smtp.dns import DnsUnreachable, NoSuchName

MOST_BYTES = 1_000_000  # of an answer, which may be another server's page


def check_tracking(examination: Examination) -> Iterator[Verdict]:
    """Look the name up, then ask it whether it is well."""
    host = examination.installation.public_host
    try:
        addresses = examination.resolver.addresses(host)
    except DnsUnreachable as error:
        yield unanswered("tracking", host, error)
        return
    except NoSuchName:
        addresses = []
    if not addresses:
        yield _verdict(
            examination,
            Level.PROBLEM,
            f"{host} has no address in DNS: the links in your mail lead nowhere.",
            f"Add an A record for {host}, or set PUBLIC_URL to a name that has one.",
        )
    elif not examination.installation.public_url.startswith("https://"):
        yield _verdict(
            examination,
            Level.WARNING,
            f"PUBLIC_URL is {examination.installation.public_url}: links without https are "
            "distrusted.",
            "Put a proxy that speaks https in front and set PUBLIC_URL to https://….",
        )
    else:
        yield _asked(examination, addresses[-1])  # IPv4, where it has both


def _asked(examination: Examination, address: str) -> Verdict:
    parts = urlsplit(examination.installation.public_url)
    host, port = examination.installation.public_host, parts.port or 443
    path = f"{parts.path}/healthz"
    try:
        answer = Site(host, address, port).get(
            path, most_bytes=MOST_BYTES, seconds=examination.seconds
        )
    except FetchError as fault:
        return _away(examination, str(fault))
    if answer.status != 200:
        return _away(examination, f"it answers {answer.status}")
    if not answer.content.startswith(b'{"status"'):
        return _away(examination, "somebody else answers there")
    return _verdict(
        examination, Level.OK, f"{examination.installation.public_url} answers, by https."
    )


def _away(examination: Examination, why: str) -> Verdict:
    return _verdict(
        examination,
        Level.PROBLEM,
        f"{examination.installation.public_url} does not lead to this server: {why}. Links in mail "
        "are broken.",
        "See that the web processes run, that the proxy in front leads to them, and that its "
        "certificate is valid for the name. (Behind some routers a machine can't reach itself by "
        "its public name: then try from elsewhere.)",
    )


def _verdict(examination: Examination, level: Level, says: str, advice: str = "") -> Verdict:
    return Verdict("tracking", examination.installation.public_host, level, says, advice)
