"""An SPF record taken apart (RFC 7208 §4.6.1, §12)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

VERSION = "v=spf1"

_MACRO = r"%\{[slodipvhSLODIPVH][0-9]*[rR]?[.\-+,/_=]*\}|%%|%_|%-"
_MACRO_STRING = re.compile(rf"(?:{_MACRO}|[!-$&-~])*")
_TOP_LABEL = r"[A-Za-z0-9]*[A-Za-z][A-Za-z0-9]*|[A-Za-z0-9]+-[A-Za-z0-9-]*[A-Za-z0-9]"
_DOMAIN_SPEC = re.compile(rf"(?:{_MACRO}|[!-$&-~])*(?:\.(?:{_TOP_LABEL})\.?|%\{{[^}}]*\}})")
_NO_DIGITS = re.compile(r"%\{[A-Za-z]0+[rR]?[^}]*\}")
_TERM = re.compile(r"([+?~-]?)([A-Za-z][A-Za-z0-9_.-]*)(.*)", re.DOTALL)
_LENGTHS = re.compile(r"(?:/(0|[1-9][0-9]?))?(?://(0|[1-9][0-9]{0,2}))?\Z")
_WITH_DOMAIN = {"include", "exists"}
_WITH_HOSTS = {"a", "mx"}


class BadRecord(ValueError):
    """The record breaks the grammar; `str()` names the term."""


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One term that an address may match; `domain` is not expanded yet, "" is the record's own."""

    written: str
    qualifier: str  # + - ~ ?
    name: str
    domain: str = ""
    network: IPv4Network | IPv6Network | None = None
    prefix4: int = 32
    prefix6: int = 128


@dataclass(frozen=True, slots=True)
class Record:
    """The mechanisms in their order, and where to go on when none matches."""

    mechanisms: tuple[Mechanism, ...]
    redirect: str = ""


def is_spf(text: str) -> bool:
    """Tell whether a TXT record is one of SPF (§4.5)."""
    return text.lower() == VERSION or text.lower().startswith(VERSION + " ")


def parse(text: str) -> Record:
    """Read a record; an error anywhere spoils the whole (§4.6). Raises BadRecord."""
    mechanisms: list[Mechanism] = []
    modifiers: dict[str, str] = {}
    for term in text.split(" ")[1:]:
        if not term:
            continue
        found = _TERM.fullmatch(term)
        if found and found[3].startswith("=") and not found[1]:
            _keep_modifier(modifiers, term, found[2].lower(), found[3][1:])
        elif found:
            mechanisms.append(_mechanism(term, found[1] or "+", found[2].lower(), found[3]))
        else:
            raise BadRecord(f"the term “{term}” can't be understood")
    return Record(tuple(mechanisms), modifiers.get("redirect", ""))


def _keep_modifier(modifiers: dict[str, str], term: str, name: str, value: str) -> None:
    if name in ("redirect", "exp"):
        if name in modifiers:
            raise BadRecord(f"{name}= stands there twice")
        modifiers[name] = _domain(term, value)
    elif not _MACRO_STRING.fullmatch(value) or _NO_DIGITS.search(value):
        raise BadRecord(f"the term “{term}” can't be understood")


def _mechanism(term: str, qualifier: str, name: str, rest: str) -> Mechanism:
    if name == "all" and not rest:
        return Mechanism(term, qualifier, name)
    if name in ("ip4", "ip6") and rest.startswith(":"):
        return Mechanism(term, qualifier, name, network=_network(term, name, rest[1:]))
    if name in _WITH_DOMAIN and rest.startswith(":"):
        return Mechanism(term, qualifier, name, _domain(term, rest[1:]))
    if name == "ptr" and (not rest or rest.startswith(":")):
        return Mechanism(term, qualifier, name, _domain(term, rest[1:]) if rest else "")
    if name in _WITH_HOSTS:
        return _hosts(term, qualifier, name, rest)
    raise BadRecord(f"the term “{term}” can't be understood")


def _hosts(term: str, qualifier: str, name: str, rest: str) -> Mechanism:
    """Read `[":" domain] ["/" length] ["//" length]` (§5.3, §5.4)."""
    lengths = _LENGTHS.search(rest)
    domain, found4, found6 = rest, None, None
    if lengths:
        domain, found4, found6 = rest[: lengths.start()], lengths[1], lengths[2]
    prefix4, prefix6 = int(found4 or 32), int(found6 or 128)
    if prefix4 > 32 or prefix6 > 128 or (domain and not domain.startswith(":")):
        raise BadRecord(f"the term “{term}” can't be understood")
    where = _domain(term, domain[1:]) if domain else ""
    return Mechanism(term, qualifier, name, where, None, prefix4, prefix6)


def _network(term: str, name: str, written: str) -> IPv4Network | IPv6Network:
    address, slash, length = written.partition("/")
    kind = IPv4Network if name == "ip4" else IPv6Network
    try:
        if slash and not re.fullmatch(r"0|[1-9][0-9]{0,2}", length):
            raise ValueError(written)
        network = ip_network(f"{address}/{length}" if slash else address, strict=False)
    except ValueError:
        raise BadRecord(f"the term “{term}” holds no address") from None
    if not isinstance(network, kind):
        raise BadRecord(f"the term “{term}” holds an address of the other kind")
    return network


def _domain(term: str, written: str) -> str:
    if not _DOMAIN_SPEC.fullmatch(written) or _NO_DIGITS.search(written):
        raise BadRecord(f"the term “{term}” names no domain")
    return written
