"""To which exchangers a domain's mail may go, and how it is to be encrypted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from delivery.smtp import Outcome, OutcomeKind, Phase, TlsMode, TlsPolicy
from delivery.smtp.mx import Finder, MailExchanger


class StsPolicy(Protocol):
    """What a domain promises of its exchangers (RFC 8461); see `delivery.smtp.mta_sts`."""

    @property
    def enforced(self) -> bool:
        """Whether mail may go only to hosts that it allows, over verified TLS."""

    def allows(self, mx_host: str) -> bool:
        """Tell whether it lists a host."""


@dataclass(frozen=True, slots=True)
class Plan:
    """At least one exchanger."""

    exchangers: tuple[MailExchanger, ...]
    tls: TlsPolicy


class Planner:
    """Asks DNS through `finder`, and `sts` for the policy of a domain.

    TLS is opportunistic, and then the certificate is not verified: what would go in plain text
    otherwise may go to whoever answers. With `require_tls` nothing goes in plain text. `ca_file`:
    the roots for an enforced policy, instead of the system's.
    """

    def __init__(
        self,
        finder: Finder,
        sts: Callable[[str], StsPolicy | None] = lambda domain: None,
        *,
        require_tls: bool = False,
        ca_file: str | None = None,
    ) -> None:
        self._finder, self._sts = finder, sts
        mode = TlsMode.STARTTLS if require_tls else TlsMode.OPPORTUNISTIC
        self._tls = TlsPolicy(mode, verify=False)
        self._strict = TlsPolicy(TlsMode.STARTTLS, verify=True, ca_file=ca_file)

    def plan(self, domain: str) -> Plan | Outcome:
        """Return where a domain's mail goes, or why nowhere. May wait for the network."""
        found = self._finder.find(domain)
        if isinstance(found, Outcome):
            return found
        policy = None if domain.startswith("[") else self._sts(domain)
        if policy is None or not policy.enforced:
            return Plan(found, self._tls)
        allowed = self._finder.find(domain, policy.allows)  # DNS has just answered
        if isinstance(allowed, Outcome):
            return _none_allowed(domain, found)
        return Plan(allowed, self._strict)


def _none_allowed(domain: str, found: tuple[MailExchanger, ...]) -> Outcome:
    """MX records or policy may be old, or forged: RFC 8461 §5 has us try again later."""
    names = ", ".join(dict.fromkeys(each.host for each in found))
    detail = f"4.7.0 its MTA-STS policy allows none of its mail exchangers: {names}"
    return Outcome(OutcomeKind.DEFERRED, Phase.LOOKUP, domain, detail, status="4.7.0")
