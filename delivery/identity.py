"""As whom a mail leaves: the domain that signs it, its keys, and where bounces return."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from accounts.encryption import decrypt
from accounts.models import DkimKey, SendingDomain
from accounts.models.domain import with_parents
from delivery.smtp.dkim import Signer
from emails.addresses import Address
from emails.outgoing import Outgoing

RECENT_SECONDS = 5.0
SIGNERS_KEPT = 1024  # in a process, decrypted and parsed; each is a few kilobytes


class Sender(NamedTuple):
    """Whose mail it is, and the domain in its From: in lower case, as A-labels."""

    project_id: int
    domain: str

    @classmethod
    def of(cls, email: Outgoing) -> Sender:
        """Return the sender of an email.

        A From without A-labels is nobody's, and composing refuses it: the claim of others goes on.
        """
        try:
            domain = Address(email.from_email).domain
        except UnicodeError:
            domain = ""
        return cls(email.project_id, domain)


class KeptKey(NamedTuple):
    """A key that signs, as the database keeps it: what decrypts and parses it is the delivery."""

    selector: str
    private_key: str


@dataclass(frozen=True, slots=True)
class Identity:
    """As whom the mails of a sender leave."""

    domain: str | None = None  # signs (d=), aligned with From
    keys: tuple[KeptKey, ...] = field(default=(), repr=False)  # RSA first
    return_path_host: str | None = None  # takes bounces, as DNS showed at the last check

    @property
    def signers(self) -> tuple[Signer, ...]:
        """Who sign, the first uppermost. Raises Undecryptable."""
        domain = self.domain
        return tuple(_signer(domain, *key) for key in self.keys) if domain else ()


UNKNOWN = Identity()
"""Of a sender without a verified domain: such mail is not signed."""


@lru_cache(maxsize=SIGNERS_KEPT)
def _signer(domain: str, selector: str, private_key: str) -> Signer:
    return Signer(domain, selector, decrypt(private_key).encode())


class RecentIdentities:
    """Identities, each asked for once in some seconds; for the one thread that claims.

    A claim of one mail would take half as long again if it asked each time.
    """

    def __init__(self, seconds: float = RECENT_SECONDS) -> None:
        self._seconds, self._until = seconds, 0.0
        self._known: dict[Sender, Identity] = {}

    def load(self, senders: Set[Sender]) -> Mapping[Sender, Identity]:
        """Return the identity of each sender at least, as it was within the last seconds."""
        now = time.monotonic()
        if now >= self._until:
            self._known, self._until = {}, now + self._seconds
        if missing := senders - self._known.keys():
            self._known |= load(missing)
        return self._known


def load(senders: Set[Sender]) -> Mapping[Sender, Identity]:
    """Return the identity of each sender, in two queries for all."""
    domains = _domains(senders)
    keys = _keys([domain.pk for domain in domains.values()])
    return {sender: _identity(_covering(sender, domains), keys) for sender in senders}


def _domains(senders: Set[Sender]) -> dict[Sender, SendingDomain]:
    found = SendingDomain.objects.verified().filter(
        project__in={sender.project_id for sender in senders},
        name__in={name for sender in senders for name in with_parents(sender.domain)},
    )
    return {Sender(domain.project_id, domain.name): domain for domain in found}


def _keys(domain_ids: Collection[int]) -> dict[int, list[KeptKey]]:
    found: dict[int, list[KeptKey]] = defaultdict(list)
    if domain_ids:
        signing = DkimKey.objects.signing().filter(domain__in=domain_ids).order_by("-algorithm")
        for domain_id, *kept in signing.values_list("domain_id", "selector", "private_key"):
            found[domain_id].append(KeptKey(*kept))
    return found


def _covering(sender: Sender, domains: dict[Sender, SendingDomain]) -> list[SendingDomain]:
    """Return the domains that may stand for the sender, the closest first."""
    names = (Sender(sender.project_id, name) for name in with_parents(sender.domain))
    return [domains[name] for name in names if name in domains]


def _identity(covering: list[SendingDomain], keys: dict[int, list[KeptKey]]) -> Identity:
    """Of the closest domain, or the closest that can sign: a parent's signature is aligned too."""
    if not covering:
        return UNKNOWN
    domain = next((domain for domain in covering if domain.pk in keys), covering[0])
    return Identity(domain.name, tuple(keys.get(domain.pk, ())), _return_path_host(domain.findings))


def _return_path_host(findings: list[dict[str, Any]]) -> str | None:
    for finding in findings:
        if finding["purpose"] == "return_path" and finding["type"] == "MX":
            return finding["name"] if finding["state"] == "right" else None
    return None
