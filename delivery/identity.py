"""As whom a mail leaves: the domain that signs it, its keys, and where bounces return."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from accounts.encryption import decrypt
from accounts.models import DkimKey, SendingDomain
from accounts.models.domain import with_parents
from delivery.smtp.dkim import Signer
from emails.outgoing import Outgoing

SIGNERS_KEPT = 1024  # in a process, decrypted and parsed; each is a few kilobytes


class Sender(NamedTuple):
    """Whose mail it is, and the domain in its From: in lower case, as A-labels."""

    project_id: int
    domain: str

    @classmethod
    def of(cls, email: Outgoing) -> Sender:
        """Return the sender of an email."""
        return cls(email.project_id, email.from_domain)


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


def load(senders: Collection[Sender]) -> dict[Sender, Identity]:
    """Return the identity of each sender who has a verified domain, in two queries for all."""
    domains = _domains(senders)
    keys = _keys([domain.pk for domain in domains.values()])
    return {
        sender: _identity(covering, keys)
        for sender in senders
        if (covering := _covering(sender, domains))
    }


def _domains(senders: Collection[Sender]) -> dict[Sender, SendingDomain]:
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
    """The closest domain, or the closest that can sign: a parent's signature is aligned too."""
    domain = next((domain for domain in covering if domain.pk in keys), covering[0])
    return Identity(domain.name, tuple(keys.get(domain.pk, ())), _return_path_host(domain.findings))


def _return_path_host(findings: list[dict[str, Any]]) -> str | None:
    for finding in findings:
        if finding["purpose"] == "return_path" and finding["type"] == "MX":
            return finding["name"] if finding["state"] == "right" else None
    return None
