"""The domains that a project sends from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.db import models, transaction
from django.utils import timezone

from accounts.key_pairs import KeyPair, new_pairs
from accounts.models.access import Project

if TYPE_CHECKING:
    from accounts.models.dkim_key import DkimKey


class SendingDomainQuerySet(models.QuerySet["SendingDomain"]):
    """Domains, and whose a From address is."""

    def verified(self) -> SendingDomainQuerySet:
        """Return those that their project is known to hold."""
        return self.filter(verified_at__isnull=False)

    def covering(self, project: Project, from_domain: str) -> SendingDomainQuerySet:
        """Return those of `project` that are `from_domain` or a parent of it, verified or not."""
        return self.filter(project=project, name__in=with_parents(from_domain))

    def owning(self, project: Project, from_domain: str) -> SendingDomain | None:
        """Return the verified domain that is `from_domain` or its closest parent, or None.

        `from_domain` is in lower case, as A-labels. A signature of a parent is aligned with it
        for DMARC as long as nothing stricter is published (RFC 7489 §3.1.1).
        """
        return max(
            self.covering(project, from_domain).verified(),
            key=lambda domain: len(domain.name),
            default=None,
        )


class SendingDomain(models.Model):
    """A domain that may stand in From. `name` is in lower case, as A-labels (RFC 5890 §2.3.2.1)."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="domains")
    name = models.CharField(max_length=253)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    verified_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="Since when it is known that the project holds it: its DKIM record was seen.",
    )
    checked_at = models.DateTimeField(null=True, blank=True, editable=False)
    findings = models.JSONField(
        default=list,
        blank=True,
        editable=False,
        help_text="What the last look at DNS found, a record each.",
    )

    objects = SendingDomainQuerySet.as_manager()

    class Meta:
        db_table = "sending_domains"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="sending_domain_of_project")
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def add(cls, project: Project, name: str) -> SendingDomain:
        """Save a domain with pending keys. Raises IntegrityError where the project has it already.

        Keys take their time, and SQLite has one writer: they are made before the transaction.
        """
        pairs = new_pairs()
        with transaction.atomic():
            domain = cls.objects.create(project=project, name=name)
            domain.generate_keys(pairs)
        return domain

    def generate_keys(self, pairs: Mapping[str, KeyPair] | None = None) -> list[DkimKey]:
        """Return a pending pair of each kind, RSA first, to be published before it signs.

        Those that wait already stay: what somebody is just publishing does not change. `pairs` are
        new ones by algorithm; in a transaction give them, so that nobody waits while they are made.
        """
        kinds = self.dkim_keys.model.Algorithm
        if pairs is None:
            waiting = {*self.dkim_keys.pending().values_list("algorithm", flat=True)}
            pairs = new_pairs(kind for kind in kinds if kind not in waiting)
        with transaction.atomic():
            SendingDomain.objects.select_for_update().get(pk=self.pk)
            return [self._pending(kind, pairs.get(kind)) for kind in kinds]

    def _pending(self, algorithm: DkimKey.Algorithm, pair: KeyPair | None) -> DkimKey:
        waiting = self.dkim_keys.pending().filter(algorithm=algorithm).first()
        return waiting or self.dkim_keys.model.generate(self, algorithm, pair)


def with_parents(domain: str) -> list[str]:
    """Return `domain` and the domains above it, the closest first."""
    labels = domain.split(".")
    return [".".join(labels[start:]) for start in range(len(labels))]
