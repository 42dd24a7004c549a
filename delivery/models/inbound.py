"""Mail that came in and could not be understood."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class InboundMessage(models.Model):
    """Kept for staff: to abuse@ or postmaster@, or a bounce or report that can't be read."""

    received_at = models.DateTimeField(default=timezone.now, db_index=True, editable=False)
    peer = models.GenericIPAddressField(help_text="Who connected.")
    mail_from = models.CharField(max_length=320, blank=True, help_text="Empty: the null sender.")
    rcpt_to = models.CharField(max_length=320)
    subject = models.TextField(blank=True)
    content = models.BinaryField(help_text="The message as it came.")
    reason = models.CharField(max_length=200, help_text="Why it is here.")
    handled_at = models.DateTimeField(null=True, blank=True, help_text="Staff have seen to it.")

    class Meta:
        db_table = "inbound_messages"
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.subject or f"message {self.pk}"
