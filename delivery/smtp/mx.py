"""From the domain of an address to the mail exchangers to try (RFC 5321 §5.1, RFC 7505)."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import chain, zip_longest

from .dns import DnsUnreachable, MailHost, NoSuchName, Resolver
from .outcome import Outcome, OutcomeKind, Phase
from .reach import Reach

MOST_ADDRESSES = 5
"""In one attempt; a domain may name hundreds."""
PER_HOST = 2
"""Of these, where there are several hosts: all addresses of one may be down together."""


@dataclass(frozen=True, slots=True)
class MailExchanger:
    """One address of one host; of an address literal, `host` is the address too."""

    preference: int
    host: str
    address: str


Found = tuple[MailExchanger, ...] | Outcome
"""At least one and at most MOST_ADDRESSES, or why there is none: bounced, or deferred."""


class Finder:
    """Asks `resolver`. `own_name` is our name in EHLO: mail never goes to ourselves in a loop.

    Addresses beyond `reach` are passed over, so that nobody's DNS leads us to servers behind us.
    """

    def __init__(self, resolver: Resolver, own_name: str, reach: Reach) -> None:
        self._resolver, self._own_name = resolver, own_name.lower().rstrip(".")
        self._reach = reach

    def find(self, domain: str, allows: Callable[[str], bool] = lambda host: True) -> Found:
        """Return the exchangers of a domain in A-labels, or of an address literal, as they rank.

        Of a domain's hosts, those that `allows` does not take are as if they were not there.
        """
        if domain.startswith("["):
            return self._literal(domain)
        try:
            hosts = self._resolver.mail_hosts(domain)
            return self._of_hosts(domain, hosts, allows)
        except NoSuchName as error:
            return _nowhere(OutcomeKind.BOUNCED, domain, "5.1.2", str(error))
        except DnsUnreachable as error:
            return _nowhere(OutcomeKind.DEFERRED, domain, "4.4.3", str(error))

    def _literal(self, domain: str) -> Found:
        written = domain.strip("[]").lower()
        try:
            address = str(ip_address(written.removeprefix("ipv6:")))
        except ValueError:
            return _nowhere(OutcomeKind.BOUNCED, domain, "5.1.3", "this is no IP address")
        if address in self._own_addresses():
            return _to_ourselves(domain)
        if not self._reach.includes(address):
            return _beyond_reach(domain, address)
        return (MailExchanger(0, address, address),)

    def _of_hosts(self, domain: str, named: list[MailHost], allows: Callable[[str], bool]) -> Found:
        hosts = [host for host in named if host.name]
        if named and not hosts:
            return _nowhere(OutcomeKind.BOUNCED, domain, "5.1.10", "it takes no mail (null MX)")
        random.shuffle(hosts)
        hosts.sort(key=lambda host: host.preference)
        hosts = hosts or [MailHost(0, domain)]
        return self._walk(domain, [host for host in hosts if allows(host.name)])

    def _walk(self, domain: str, hosts: list[MailHost]) -> Found:
        """Look for addresses until there are enough, or until we stand in the list ourselves."""
        found: list[MailExchanger] = []
        trouble: DnsUnreachable | None = None
        beyond: list[str] = []
        own = self._own_addresses()
        each = PER_HOST if len(hosts) > 1 else MOST_ADDRESSES
        for host in hosts:
            try:
                addresses = self._resolver.addresses(host.name)
            except NoSuchName:
                continue
            except DnsUnreachable as error:
                trouble = error
                continue
            if host.name == self._own_name or own.intersection(addresses):
                # Those as good as ourselves, or worse, would send it back to us.
                found = [other for other in found if other.preference < host.preference]
                return tuple(found) if found else _to_ourselves(domain)
            near = [address for address in addresses if self._reach.includes(address)]
            beyond += [address for address in addresses if address not in near]
            found += [
                MailExchanger(host.preference, host.name, address) for address in _some(near, each)
            ]
            if len(found) >= MOST_ADDRESSES:
                break
        if beyond and not found and not trouble:
            return _beyond_reach(domain, beyond[0])
        return tuple(found[:MOST_ADDRESSES]) or _without_address(domain, hosts, trouble)

    def _own_addresses(self) -> set[str]:
        if "." not in self._own_name:
            return set()
        try:
            return set(self._resolver.addresses(self._own_name))
        except (NoSuchName, DnsUnreachable):
            return set()


def in_turn(exchangers: Iterable[MailExchanger]) -> list[MailExchanger]:
    """Return them by preference, and those of equal preference in an order of chance."""
    shuffled = list(exchangers)
    random.shuffle(shuffled)
    return sorted(shuffled, key=lambda exchanger: exchanger.preference)


def _some(addresses: list[str], count: int) -> list[str]:
    """Choose among the addresses of a host, of both families if there are both."""
    shuffled = random.sample(addresses, len(addresses))
    new = [address for address in shuffled if ":" in address]
    old = [address for address in shuffled if ":" not in address]
    mixed = chain.from_iterable(zip_longest(new, old))
    return [address for address in mixed if address][:count]


def _without_address(domain: str, hosts: list[MailHost], trouble: DnsUnreachable | None) -> Outcome:
    """RFC 5321 §5.1: an error, and it is for certain only where DNS did answer."""
    if trouble:
        return _nowhere(OutcomeKind.DEFERRED, domain, "4.4.3", str(trouble))
    names = ", ".join(host.name for host in hosts[:MOST_ADDRESSES])
    if names == domain:
        return _nowhere(OutcomeKind.BOUNCED, domain, "5.1.2", "it has no MX and no address")
    return _nowhere(
        OutcomeKind.BOUNCED, domain, "5.4.4", f"its mail exchangers have no address: {names}"
    )


def _beyond_reach(domain: str, address: str) -> Outcome:
    """Where the operator has to allow it, there is time to: the mail is not bounced."""
    detail = f"{address} is no public address; PRIVATE_NETWORKS allows others"
    return _nowhere(OutcomeKind.DEFERRED, domain, "4.4.4", detail)


def _to_ourselves(domain: str) -> Outcome:
    detail = "its best mail exchanger is this server, which keeps no mail for it"
    return _nowhere(OutcomeKind.BOUNCED, domain, "5.4.6", detail)


def _nowhere(kind: OutcomeKind, domain: str, status: str, detail: str) -> Outcome:
    return Outcome(kind, Phase.LOOKUP, domain, f"{status} {detail}", status=status)
