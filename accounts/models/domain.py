"""The domains that a project sends from, and the keys that sign for them."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from accounts.models.access import Project


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

    class Meta:
        db_table = "sending_domains"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="sending_domain_of_project")
        ]

    def __str__(self) -> str:
        return self.name


class DkimKey(models.Model):
    """A key pair of a domain. It signs from `activated_at` on, until `retired_at`."""

    class Algorithm(models.TextChoices):
        """Key types of DKIM."""

        RSA = "rsa", "RSA-2048"  # RFC 6376: what every verifier knows
        ED25519 = "ed25519", "Ed25519"  # RFC 8463: short and fast, known to some

    domain = models.ForeignKey(SendingDomain, on_delete=models.CASCADE, related_name="dkim_keys")
    selector = models.CharField(max_length=63)
    algorithm = models.CharField(max_length=7, choices=Algorithm.choices)
    private_key = models.TextField(editable=False, help_text="PEM, encrypted by ENCRYPTION_KEYS.")
    public_key = models.TextField(editable=False, help_text="Base64, what stands in p= in DNS.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    activated_at = models.DateTimeField(null=True, editable=False)
    retired_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        db_table = "dkim_keys"
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["domain", "selector"], name="dkim_selector_of_domain")
        ]

    def __str__(self) -> str:
        return f"{self.selector}._domainkey.{self.domain}"
