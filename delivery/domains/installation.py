"""What of this installation stands in the DNS of the domains that send through it."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings

from delivery.smtp.dns import Resolver

SECONDS_A_QUESTION = 4.0


@dataclass(frozen=True, slots=True)
class Installation:
    """Our names and addresses.

    `mail_host` is the name of our mail server, `public_url` where readers reach us. `addresses`
    are those that mail leaves from, where the operator named them; else they are those of
    `mail_host`, unless a relay sends for us.
    """

    mail_host: str
    public_url: str
    addresses: tuple[str, ...] = ()
    relayed: bool = False
    takes_tls: bool = False  # for mail that comes to it, by a certificate for its name

    @property
    def public_host(self) -> str:
        """The name in `public_url`."""
        return urlsplit(self.public_url).hostname or ""

    @property
    def offers_policy(self) -> bool:
        """Whether senders may publish that bounces come to us encrypted or not at all (MTA-STS)."""
        return self.takes_tls and self.public_url.startswith("https://")

    @property
    def spf_terms(self) -> tuple[str, ...]:
        """What lets us send in an SPF record; nothing where only a relay's owner knows it."""
        if self.addresses:
            return tuple(f"ip{ip_address(address).version}:{address}" for address in self.addresses)
        return () if self.relayed else (f"a:{self.mail_host}",)

    def sending_addresses(self, resolver: Resolver) -> list[str]:
        """Return the addresses that mail leaves from, none where they can't be known.

        Raises DnsError where the name of the mail server has none.
        """
        if self.addresses or self.relayed:
            return list(self.addresses)
        return resolver.addresses(self.mail_host)


def this_installation() -> Installation:
    """Return what the settings say."""
    return Installation(
        mail_host=settings.HELO_NAME.lower(),
        public_url=settings.PUBLIC_URL,
        addresses=tuple(settings.SENDING_ADDRESSES),
        relayed=settings.MAIL_TRANSPORT == "relay",
        takes_tls=bool(settings.INBOUND_LISTEN and settings.TLS_CERT_FILE),
    )


def fresh_resolver() -> Resolver:
    """Return a resolver that remembers nothing: whoever has just mended a record sees it."""
    return Resolver(settings.DNS_SERVERS, seconds=SECONDS_A_QUESTION)
