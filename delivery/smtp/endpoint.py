"""Where to send mail and on what terms."""

from __future__ import annotations

from dataclasses import dataclass, field

from .addresses import to_ascii_domain
from .auth import Credentials
from .deadlines import Timeouts
from .tls import TlsPolicy


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One server. Raises ValueError for a `helo_name` that is no domain or address literal.

    `helo_name` is our name in EHLO (RFC 5321 §4.1.4). Credentials are sent over TLS and to
    loopback addresses only, unless `auth_in_clear` says otherwise. Without `chunking` mail goes
    by DATA even where the server offers BDAT. `address` is where to connect to, instead of the
    addresses of `host`. A `public` server is nobody's of ours: an MX.
    """

    host: str
    port: int
    helo_name: str
    address: str | None = None
    public: bool = False
    tls: TlsPolicy = field(default_factory=TlsPolicy)
    credentials: Credentials | None = None
    auth_in_clear: bool = False
    chunking: bool = True
    timeouts: Timeouts = field(default_factory=Timeouts)

    def __post_init__(self) -> None:
        to_ascii_domain(self.helo_name)

    @property
    def server_name(self) -> str:
        """The name for the certificate; MX records may write it with the dot of the root."""
        return self.host.rstrip(".")
