"""What SPF says of one address that sends for a domain: check_host() of RFC 7208 §4."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from delivery.smtp.dns import DnsError, DnsUnreachable, NoSuchName, Resolver
from delivery.smtp.spf.macros import expand
from delivery.smtp.spf.syntax import BadRecord, Mechanism, Record, is_spf, parse

MOST_LOOKUPS = 10  # terms that ask DNS (§4.6.4)
MOST_VOID = 2  # of them, those that find nothing
MOST_HOSTS = 10  # of one mx or ptr term

_LABEL = re.compile(r"[^.\s]{1,63}")


class SpfResult(StrEnum):
    """RFC 7208 §2.6."""

    PASS = "pass"  # noqa: S105  a result of SPF
    FAIL = "fail"
    SOFTFAIL = "softfail"
    NEUTRAL = "neutral"
    NONE = "none"  # no record
    PERMERROR = "permerror"  # a record that nobody can use
    TEMPERROR = "temperror"  # DNS gave no answer


@dataclass(frozen=True, slots=True)
class SpfAnswer:
    """The result, the term or the fault that decided, and how many terms asked DNS."""

    result: SpfResult
    reason: str
    lookups: int


class _Broken(Exception):
    """Ends an evaluation with permerror."""


_RESULTS = {
    "+": SpfResult.PASS,
    "-": SpfResult.FAIL,
    "~": SpfResult.SOFTFAIL,
    "?": SpfResult.NEUTRAL,
}


def evaluate(
    resolver: Resolver, domain: str, address: str, *, sender: str = "", helo: str = ""
) -> SpfAnswer:
    """Return what the record of `domain` says of mail that comes from `address`.

    `sender` is the envelope's, `postmaster@domain` where it is left out (§4.3). Never raises.
    """
    local_part = sender.rpartition("@")[0] or "postmaster"
    who = _Who(_plain(address), f"{local_part}@{domain}", helo)
    evaluation = _Evaluation(resolver, who)
    try:
        result, reason = evaluation.check_host(domain)
    except _Broken as fault:
        result, reason = SpfResult.PERMERROR, str(fault)
    except DnsUnreachable as error:
        result, reason = SpfResult.TEMPERROR, str(error)
    return SpfAnswer(result, reason, evaluation.lookups)


def _plain(written: str) -> IPv4Address | IPv6Address:
    """Read an address; one of IPv4 that is written as IPv6 counts as IPv4 (§5)."""
    address = ip_address(written)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


@dataclass(frozen=True, slots=True)
class _Who:
    address: IPv4Address | IPv6Address
    sender: str
    helo: str

    @property
    def kind(self) -> str:
        return "A" if self.address.version == 4 else "AAAA"

    def nibbles(self) -> str:
        """The address as `%{i}` writes it."""
        if isinstance(self.address, IPv4Address):
            return str(self.address)
        return ".".join(self.address.exploded.replace(":", ""))


@dataclass(slots=True)
class _Evaluation:
    resolver: Resolver
    who: _Who
    lookups: int = 0
    void: int = 0
    matchers: dict[str, Callable[[Mechanism, str], bool]] = field(init=False)

    def __post_init__(self) -> None:
        self.matchers = {
            "all": lambda mechanism, domain: True,
            "ip4": self._in_network,
            "ip6": self._in_network,
            "a": self._a,
            "mx": self._mx,
            "ptr": self._ptr,
            "exists": self._exists,
            "include": self._include,
        }

    def check_host(self, domain: str) -> tuple[SpfResult, str]:
        """Return the result and what decided. Raises _Broken, DnsUnreachable."""
        record = self._record(domain)
        if record is None:
            return SpfResult.NONE, f"{domain} has no SPF record"
        for mechanism in record.mechanisms:
            if self.matchers[mechanism.name](mechanism, domain):
                return _RESULTS[mechanism.qualifier], mechanism.written
        if record.redirect:
            return self._redirected(record.redirect, domain)
        return SpfResult.NEUTRAL, "no term of the record covers it"

    def _record(self, domain: str) -> Record | None:
        if not _is_domain(domain):
            return None
        try:
            found = [text for text in self.resolver.texts(domain) if is_spf(text)]
        except NoSuchName:
            return None
        if len(found) > 1:
            raise _Broken(f"{domain} has {len(found)} SPF records, where one is allowed")
        try:
            return parse(found[0]) if found else None
        except BadRecord as fault:
            raise _Broken(f"{fault}, in the record of {domain}") from None

    def _redirected(self, redirect: str, domain: str) -> tuple[SpfResult, str]:
        self._count()
        target = self._target(redirect, domain)
        result, reason = self.check_host(target)
        if result is SpfResult.NONE:
            raise _Broken(f"redirect={target}, which has no SPF record")
        return result, f"redirect={target}: {reason}"

    def _include(self, mechanism: Mechanism, domain: str) -> bool:
        self._count()
        target = self._target(mechanism.domain, domain)
        result, _ = self.check_host(target)
        if result is SpfResult.NONE:
            raise _Broken(f"include:{target}, which has no SPF record")
        return result is SpfResult.PASS

    def _in_network(self, mechanism: Mechanism, domain: str) -> bool:
        network = mechanism.network
        return network is not None and self.who.address in network

    def _a(self, mechanism: Mechanism, domain: str) -> bool:
        self._count()
        found = self._addresses(self._target(mechanism.domain, domain), count_void=True)
        return any(self._covers(mechanism, address) for address in found)

    def _mx(self, mechanism: Mechanism, domain: str) -> bool:
        self._count()
        target = self._target(mechanism.domain, domain)
        hosts = self._found(lambda: [host.name for host in self.resolver.mail_hosts(target)])
        if len(hosts) > MOST_HOSTS:
            raise _Broken(f"{target} has more than {MOST_HOSTS} MX records")
        return any(
            self._covers(mechanism, address) for host in hosts for address in self._addresses(host)
        )

    def _exists(self, mechanism: Mechanism, domain: str) -> bool:
        self._count()
        target = self._target(mechanism.domain, domain)
        return bool(self._found(lambda: self.resolver.addresses(target, ["A"])))

    def _ptr(self, mechanism: Mechanism, domain: str) -> bool:
        self._count()
        target = self._target(mechanism.domain, domain)
        return any(_is_within(name, target) for name in self._validated_names())

    def _validated_names(self) -> list[str]:
        """Return the names of the address that lead back to it; a failing lookup is none (§5.5)."""
        try:
            names = self._found(lambda: self.resolver.names_of(str(self.who.address)))[:MOST_HOSTS]
        except DnsUnreachable:
            return []
        return [name for name in names if self._leads_back(name)]

    def _leads_back(self, name: str) -> bool:
        try:
            found = self.resolver.addresses(name, [self.who.kind])
        except DnsError:
            return False
        return any(ip_address(address) == self.who.address for address in found)

    def _covers(self, mechanism: Mechanism, address: str) -> bool:
        length = mechanism.prefix4 if self.who.kind == "A" else mechanism.prefix6
        return self.who.address in ip_network(f"{address}/{length}", strict=False)

    def _addresses(self, host: str, *, count_void: bool = False) -> list[str]:
        ask = partial(self.resolver.addresses, host, [self.who.kind])
        if count_void:
            return self._found(ask)
        try:
            return ask()
        except NoSuchName:
            return []

    def _found(self, ask: Callable[[], list[str]]) -> list[str]:
        """Ask DNS for a term, which may find nothing only so often."""
        try:
            found = ask()
        except NoSuchName:
            found = []
        self.void += not found
        if self.void > MOST_VOID:
            raise _Broken(f"more than {MOST_VOID} terms name what does not exist in DNS")
        return found

    def _count(self) -> None:
        self.lookups += 1
        if self.lookups > MOST_LOOKUPS:
            raise _Broken(f"the record needs more than {MOST_LOOKUPS} lookups in DNS")

    def _target(self, written: str, domain: str) -> str:
        if not written or "%" not in written:
            return (written or domain).rstrip(".")
        local_part, _, of_sender = self.who.sender.rpartition("@")
        return expand(
            written,
            {
                "s": lambda: self.who.sender,
                "l": lambda: local_part,
                "o": lambda: of_sender,
                "d": lambda: domain,
                "i": self.who.nibbles,
                "p": lambda: self._name_of_address(domain),
                "v": lambda: "in-addr" if self.who.kind == "A" else "ip6",
                "h": lambda: self.who.helo,
            },
        )

    def _name_of_address(self, domain: str) -> str:
        names = sorted(self._validated_names(), key=lambda name: not _is_within(name, domain))
        return domain if domain in names else (names or ["unknown"])[0]


def _is_domain(name: str) -> bool:
    """Tell whether a name can be asked about: several labels, none empty or too long (§4.3)."""
    labels = name.rstrip(".").split(".")
    return len(name) <= 253 and len(labels) > 1 and all(map(_LABEL.fullmatch, labels))


def _is_within(name: str, domain: str) -> bool:
    name, domain = name.lower(), domain.lower()
    return name == domain or name.endswith(f".{domain}")
