"""Addresses that a project does not send to."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from accounts.models import Project
from emails.models.event import EmailEvent


class Suppression(models.Model):
    """One address that is never tried again. `address` is in lower case, its domain as A-labels."""

    class Reason(models.TextChoices):
        """Why it is not written to."""

        BOUNCE = "bounce", "Bounced"  # a server said that there is no such mailbox
        COMPLAINT = "complaint", "Complained"  # the reader called it spam
        UNSUBSCRIBE = "unsubscribe", "Unsubscribed"  # the reader wants no more
        MANUAL = "manual", "Entered by staff"
        IMPORT = "import", "Imported"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="suppressions")
    address = models.CharField(max_length=320)
    reason = models.CharField(max_length=11, choices=Reason.choices, default=Reason.MANUAL)
    event = models.ForeignKey(
        EmailEvent, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    note = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "suppressions"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "address"], name="suppression_of_project")
        ]

    def __str__(self) -> str:
        return self.address

    def facts(self) -> dict[str, str]:
        """Return why and since when, as the event of a mail that was not sent says it."""
        return {"reason": self.reason, "since": self.created_at.isoformat(timespec="seconds")}
