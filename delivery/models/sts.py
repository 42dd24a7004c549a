"""The MTA-STS policies that were fetched, kept over restarts (RFC 8461)."""

from __future__ import annotations

from datetime import datetime

from django.db import models

from delivery.smtp.mta_sts import HeldPolicy, StsMode, StsPolicy


class MtaStsPolicyQuerySet(models.QuerySet["MtaStsPolicy"]):
    """What is asked of the table."""

    def holding(self, now: datetime) -> dict[str, HeldPolicy]:
        """Return all that holds, by domain."""
        rows = self.filter(expires_at__gt=now)
        return {row.domain: HeldPolicy(row.policy, row.fetched_at) for row in rows}

    def keep(self, domain: str, held: HeldPolicy) -> None:
        """Put a policy in the place of the last one, and drop all that hold no more."""
        self.filter(expires_at__lte=held.fetched_at).delete()
        policy = held.policy
        values = {
            "mode": policy.mode.value,
            "mx": list(policy.mx),
            "max_age": policy.max_age,
            "policy_id": policy.id,
            "fetched_at": held.fetched_at,
            "expires_at": held.expires_at,
        }
        self.update_or_create(domain=domain, defaults=values)


class MtaStsPolicy(models.Model):
    """What a domain promised of its MX hosts; it holds until `expires_at`, whatever DNS says."""

    class Mode(models.TextChoices):
        """As in RFC 8461 §5."""

        ENFORCE = "enforce", "enforce"  # only to listed hosts, over verified TLS
        TESTING = "testing", "testing"  # nothing is held back
        NONE = "none", "none"  # the domain took its policy back

    domain = models.CharField(max_length=253, unique=True)
    mode = models.CharField(max_length=7, choices=Mode.choices)
    mx = models.JSONField(default=list, help_text="Host names; * is one label.")
    max_age = models.PositiveIntegerField(help_text="Seconds from when it was fetched.")
    policy_id = models.CharField("id", max_length=32, help_text="Of the TXT record.")
    fetched_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    objects = MtaStsPolicyQuerySet.as_manager()

    class Meta:
        db_table = "mta_sts_policies"
        ordering = ["domain"]
        verbose_name = "MTA-STS policy"
        verbose_name_plural = "MTA-STS policies"

    def __str__(self) -> str:
        return self.domain

    @property
    def policy(self) -> StsPolicy:
        """What the row says."""
        return StsPolicy(StsMode(self.mode), tuple(self.mx), self.max_age, self.policy_id)
