"""One envelope recipient: the unit of delivery, status and tracking."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import models
from django.db.models import Q

from accounts.models import Project


class Status(models.TextChoices):
    """Where a recipient's copy is on its way."""

    SCHEDULED = "scheduled", "Scheduled"  # waits for its time
    QUEUED = "queued", "Queued"  # waits for a worker
    SENDING = "sending", "Sending"  # a worker holds the lease
    DEFERRED = "deferred", "Deferred"  # was tried, will be tried again
    DELIVERED = "delivered", "Delivered"  # the remote server took responsibility
    BOUNCED = "bounced", "Bounced"  # permanently refused
    EXPIRED = "expired", "Expired"  # its time ran out
    FAILED = "failed", "Failed"  # could not be made into a mail
    CANCELLED = "cancelled", "Cancelled"  # taken back before it was sent
    SUPPRESSED = "suppressed", "Suppressed"  # never tried: on the suppression list


WAITING = (Status.SCHEDULED, Status.QUEUED, Status.DEFERRED)  # what a claim may take
FINAL = (
    Status.DELIVERED,
    Status.BOUNCED,
    Status.EXPIRED,
    Status.FAILED,
    Status.CANCELLED,
    Status.SUPPRESSED,
)

# An email shows the first of these that any of its recipients has: what still moves stands
# before what ended, and trouble before success, so that "delivered" means all that were written
# to. Who is suppressed never was: only an email of nobody else shows that.
DERIVATION = (
    Status.SENDING,
    Status.QUEUED,
    Status.DEFERRED,
    Status.SCHEDULED,
    Status.BOUNCED,
    Status.FAILED,
    Status.EXPIRED,
    Status.DELIVERED,
    Status.CANCELLED,
    Status.SUPPRESSED,
)


def derive(statuses: Iterable[str]) -> Status:
    """Return the status of an email whose recipients have these. At least one is needed."""
    return Status(min(statuses, key=lambda status: DERIVATION.index(Status(status))))


class Priority(models.IntegerChoices):
    """Smaller goes first: a big batch must not delay a password reset."""

    SINGLE = 0, "Single"
    BATCH = 10, "Batch"


class Kind(models.TextChoices):
    """In which header the recipient stands; Bcc stands in none."""

    TO = "to", "To"
    CC = "cc", "Cc"
    BCC = "bcc", "Bcc"


class Recipient(models.Model):
    """Narrow, and the only hot row.

    `next_attempt_at` is the one clock: the moment from which anybody may take the row.
    """

    # That of its email, with which it goes. Nobody asks for recipients by project, and an index
    # would be written to at each change of a status.
    project = models.ForeignKey(
        Project,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    email = models.ForeignKey("emails.Email", on_delete=models.CASCADE, related_name="recipients")
    kind = models.CharField(max_length=3, choices=Kind.choices, default=Kind.TO)
    address = models.CharField(max_length=320)
    domain = models.CharField(max_length=255)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    next_attempt_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    priority = models.SmallIntegerField(choices=Priority.choices, default=Priority.SINGLE)
    lease_token = models.UUIDField(null=True, editable=False)
    ambiguous = models.BooleanField(
        default=False, help_text="An attempt whose end nobody saw may have delivered it."
    )

    class Meta:
        db_table = "recipients"
        ordering = ["id"]
        indexes = [
            models.Index(
                fields=["priority", "next_attempt_at"],
                name="recipients_due",
                condition=Q(status__in=["scheduled", "queued", "deferred"]),
            ),
            models.Index(
                fields=["next_attempt_at"],
                name="recipients_leased",
                condition=Q(status="sending"),
            ),
            models.Index(fields=["address"], name="recipients_address"),
        ]

    def __str__(self) -> str:
        return self.address
