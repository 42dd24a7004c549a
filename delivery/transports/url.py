"""What SMTP_RELAY_URL says: where to send, and on what terms."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from delivery.smtp import Credentials, Endpoint, Timeouts, TlsMode, TlsPolicy

DEFAULT_PORTS = {TlsMode.TLS: 465, TlsMode.STARTTLS: 587}
TLS_MODES = {
    "none": TlsMode.NONE,
    "opportunistic": TlsMode.OPPORTUNISTIC,
    "starttls": TlsMode.STARTTLS,
    "tls": TlsMode.TLS,
}
OPTIONS = {"tls", "verify", "auth_in_clear"}
# Where another relay can take the mail, a silent one is not waited for as RFC 5321 §4.5.3.2 asks.
# A slow RCPT is: it may ask others, and no answer to it says that the relay is gone.
IMPATIENT = Timeouts(connect=10.0, tls=20.0, greeting=30.0, hello=30.0, kept=60.0)


def endpoints_of(urls: Sequence[str], helo_name: str) -> list[Endpoint]:
    """Return the endpoints of a list of URLs, the preferred one first. Raises as `endpoint_of`."""
    endpoints = [endpoint_of(url, helo_name) for url in urls]
    if len(endpoints) > 1:
        return [replace(endpoint, timeouts=IMPATIENT) for endpoint in endpoints]
    return endpoints


def endpoint_of(url: str, helo_name: str) -> Endpoint:
    """Return where and how `smtp://user:password@host:port?tls=starttls` says to send.

    Options: `tls` (none, opportunistic, starttls, tls), `verify` (true, false) and
    `auth_in_clear` (true, false). Raises ImproperlyConfigured with what to do.
    """
    parts = urlsplit(url)
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if unknown := sorted(options.keys() - OPTIONS):
        raise _wrong(f"has no option {', '.join(unknown)}; there are {', '.join(sorted(OPTIONS))}")
    default_mode = "tls" if parts.scheme == "smtps" else "opportunistic"
    mode = TLS_MODES.get(options.get("tls", default_mode))
    if mode is None:
        raise _wrong(f"has tls={options['tls']}; choose one of {', '.join(TLS_MODES)}")
    port = None
    with suppress(ValueError):
        port = parts.port or DEFAULT_PORTS.get(mode, 25)
    if port is None or not parts.hostname:
        raise _wrong("names no host and port that can be used")
    credentials = None
    if parts.username:
        credentials = Credentials(unquote(parts.username), unquote(parts.password or ""))
    return Endpoint(
        parts.hostname,
        port,
        helo_name,
        tls=TlsPolicy(mode, verify=_switch(options, "verify", "true")),
        credentials=credentials,
        auth_in_clear=_switch(options, "auth_in_clear", "false"),
    )


def _switch(options: dict[str, str], name: str, default: str) -> bool:
    value = options.get(name, default)
    if value not in ("true", "false"):
        raise _wrong(f"has {name}={value}; give true or false")
    return value == "true"


def _wrong(fault: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(
        f"SMTP_RELAY_URL {fault}. "
        "Give a URL like smtp://user:password@relay.example.com:587?tls=starttls, or several with "
        "commas between; a comma in a password is %2C."
    )
