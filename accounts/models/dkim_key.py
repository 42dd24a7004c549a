"""The keys that sign for a domain: published first, signing then, retired in the end."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import NamedTuple

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from accounts import encryption
from accounts.key_pairs import PAIRS, KeyPair
from accounts.models.domain import SendingDomain

STAYS_PUBLISHED = timedelta(days=7)
"""How long mail on its way, or just come, may still be verified with a key that signs no more."""
SELECTOR_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is taken for another


class TxtRecord(NamedTuple):
    """A TXT record: its full name, and its strings put together."""

    name: str
    value: str


class DkimKeyQuerySet(models.QuerySet["DkimKey"]):
    """Keys by what they are for just now."""

    def pending(self) -> DkimKeyQuerySet:
        """Return the keys that wait until DNS shows them."""
        return self.filter(activated_at=None, retired_at=None)

    def signing(self) -> DkimKeyQuerySet:
        """Return the keys that sign."""
        return self.filter(activated_at__isnull=False, retired_at=None)

    def with_private_part(self) -> DkimKeyQuerySet:
        """Return the keys that sign, or may sign yet: of others it is forgotten."""
        return self.exclude(private_key="")

    def to_publish(self) -> DkimKeyQuerySet:
        """Return the keys whose records DNS must show: all that signed lately, or will."""
        lately = Q(activated_at__isnull=False, retired_at__gt=timezone.now() - STAYS_PUBLISHED)
        return self.filter(Q(retired_at=None) | lately)


class DkimKey(models.Model):
    """A key pair of a domain. It signs from `activated_at` on, until `retired_at`."""

    class Algorithm(models.TextChoices):
        """Key types of DKIM."""

        RSA = "rsa", "RSA-2048"  # RFC 6376: what every verifier knows
        ED25519 = "ed25519", "Ed25519"  # RFC 8463: short and fast, known to some

    class State(models.TextChoices):
        """Where a key stands in its life."""

        PENDING = "pending", "Pending"  # to be published; does not sign before DNS shows it
        SIGNING = "signing", "Signing"
        RETIRED = "retired", "Retired"  # signs no more; its record stays until it may go

    domain = models.ForeignKey(SendingDomain, on_delete=models.CASCADE, related_name="dkim_keys")
    selector = models.CharField(max_length=63)
    algorithm = models.CharField(max_length=7, choices=Algorithm.choices)
    private_key = models.TextField(editable=False, help_text="PEM, encrypted by ENCRYPTION_KEYS.")
    public_key = models.TextField(editable=False, help_text="Base64, what stands in p= in DNS.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    activated_at = models.DateTimeField(null=True, editable=False)
    retired_at = models.DateTimeField(null=True, editable=False)

    objects = DkimKeyQuerySet.as_manager()

    class Meta:
        db_table = "dkim_keys"
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["domain", "selector"], name="dkim_selector_of_domain")
        ]

    def __str__(self) -> str:
        return f"{self.selector}._domainkey.{self.domain}"

    @classmethod
    def generate(
        cls, domain: SendingDomain, algorithm: Algorithm, pair: KeyPair | None = None
    ) -> DkimKey:
        """Save a pending pair, a new one unless given, under a selector that was never used."""
        pair = pair or PAIRS[algorithm]()
        return cls.objects.create(
            domain=domain,
            selector=_new_selector(),
            algorithm=algorithm,
            private_key=encryption.encrypt(pair.private),
            public_key=pair.public,
        )

    @property
    def state(self) -> State:
        """Where it stands, as this row was read."""
        if self.retired_at:
            return self.State.RETIRED
        return self.State.SIGNING if self.activated_at else self.State.PENDING

    @property
    def record(self) -> TxtRecord:
        """What to publish (RFC 6376 §3.6.1)."""
        name = f"{self.selector}._domainkey.{self.domain.name}"
        return TxtRecord(name, f"v=DKIM1; k={self.algorithm}; p={self.public_key}")

    @property
    def may_be_unpublished(self) -> bool:
        """Tell whether nobody needs its record any more: it never signed, or long ago."""
        if not self.retired_at:
            return False
        return not self.activated_at or timezone.now() - self.retired_at >= STAYS_PUBLISHED

    def activate(self) -> bool:
        """Sign with it from now on, in place of the key of its kind that did; DNS shows it.

        False, and nothing is changed, where it is not pending (any more).
        """
        now = timezone.now()
        with transaction.atomic():
            SendingDomain.objects.select_for_update().filter(pk=self.domain_id).first()
            of_domain = DkimKey.objects.filter(domain=self.domain_id)
            if not of_domain.pending().filter(pk=self.pk).update(activated_at=now):
                return False
            before = of_domain.signing().filter(algorithm=self.algorithm).exclude(pk=self.pk)
            before.update(retired_at=now, private_key="")
        self.activated_at = now
        return True

    def retire(self) -> bool:
        """Never sign with it again, and forget its private part; False where it was retired."""
        alive = DkimKey.objects.filter(pk=self.pk, retired_at=None)
        now = timezone.now()
        if not alive.update(retired_at=now, private_key=""):
            return False
        self.retired_at, self.private_key = now, ""
        return True

    def reencrypt(self) -> None:
        """Keep the private part under the newest of ENCRYPTION_KEYS. Raises Undecryptable."""
        unchanged = DkimKey.objects.filter(pk=self.pk, private_key=self.private_key)
        self.private_key = encryption.reencrypt(self.private_key)
        unchanged.update(private_key=self.private_key)  # it may have been retired meanwhile


def _new_selector() -> str:
    """Return a label that tells when it was made; another key of the day differs by chance.

    DNS keeps what it was asked for, so no selector comes twice, even where a domain was removed.
    """
    chance = "".join(secrets.choice(SELECTOR_LETTERS) for _ in range(4))
    return f"m{timezone.now():%Y%m%d}{chance}"
