"""What happened, in the order in which it happened."""

from django.db import models
from django.utils import timezone

from emails.models.email import Email
from emails.models.recipient import Recipient


class EventType(models.TextChoices):
    """What happened. An attempt is one event: there is no second log."""

    QUEUE = "queue", "Queued"  # accepted, to be sent at once
    SCHEDULE = "schedule", "Scheduled"  # accepted, to be sent later
    DELIVER = "deliver", "Delivered"  # the remote server took responsibility
    DEFER = "defer", "Deferred"  # 4xx or network trouble; will be tried again
    BOUNCE = "bounce", "Bounced"  # permanent refusal
    EXPIRE = "expire", "Expired"  # its time ran out
    FAIL = "fail", "Failed"  # it could not be made into a mail
    CANCEL = "cancel", "Cancelled"  # taken back before it was sent
    SUPPRESS = "suppress", "Suppressed"  # never tried: on the suppression list
    OPEN = "open", "Opened"  # the pixel was fetched
    CLICK = "click", "Clicked"  # a tracked link was followed
    COMPLAIN = "complain", "Complained"  # the reader called it spam
    UNSUBSCRIBE = "unsubscribe", "Unsubscribed"  # the reader wants no more


class EmailEvent(models.Model):
    """Append-only. `data` holds what the type needs, such as the SMTP reply or the link."""

    type = models.CharField(max_length=12, choices=EventType.choices)
    timestamp = models.DateTimeField(default=timezone.now)
    email = models.ForeignKey(Email, on_delete=models.CASCADE, related_name="events")
    # Goes with its email, as the recipient does. To look for events by recipient would need an
    # index of its own, and to be sure that the recipient is there costs a query for each event.
    recipient = models.ForeignKey(
        Recipient,
        on_delete=models.DO_NOTHING,
        related_name="events",
        null=True,
        db_index=False,
        db_constraint=False,
    )
    data = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "email_events"
        ordering = ["timestamp", "id"]

    def __str__(self) -> str:
        return f"{self.type} {self.timestamp:%Y-%m-%d %H:%M:%S}"
