"""Whether and how a connection is encrypted."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache


class TlsMode(StrEnum):
    NONE = "none"
    OPPORTUNISTIC = "opportunistic"  # STARTTLS where offered; then it must succeed
    STARTTLS = "starttls"  # STARTTLS or no mail (RFC 3207)
    TLS = "tls"  # from the first byte (RFC 8314 §3.3)


@dataclass(frozen=True, slots=True)
class TlsPolicy:
    """`verify`: certificate and host name must be right. `ca_file`: trust these roots instead."""

    mode: TlsMode = TlsMode.NONE
    verify: bool = True
    ca_file: str | None = None

    def context(self) -> ssl.SSLContext:
        takes_any = self.mode is TlsMode.OPPORTUNISTIC and not self.verify
        return _context(self.verify, self.ca_file, takes_any)


@lru_cache(maxsize=16)  # loading the system's roots costs milliseconds
def _context(verify: bool, ca_file: str | None, takes_any: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if takes_any:
        _take_any(context)
    return context


def _take_any(context: ssl.SSLContext) -> None:
    """Take also what is weak: the other choice is plain text, or no mail at all (RFC 7435 §3)."""
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
