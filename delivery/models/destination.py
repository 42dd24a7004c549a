"""How much mail a destination gets at once."""

from __future__ import annotations

from django.db import models


class DestinationLimit(models.Model):
    """Limits towards the MX hosts below `host`, over all workers. Staff's word before our profiles.

    `host` is a domain: `example.com` is meant with every name below it, and `*` is every host.
    """

    host = models.CharField(
        max_length=253, unique=True, help_text="A domain with all below it, or * for all others."
    )
    connections = models.PositiveIntegerField(help_text="At once, from all workers together.")
    mails_per_connection = models.PositiveIntegerField(help_text="Then a new one is opened.")
    mails_per_minute = models.PositiveIntegerField(
        null=True, blank=True, help_text="Empty: as many as it takes."
    )

    class Meta:
        db_table = "destination_limits"
        ordering = ["host"]

    def __str__(self) -> str:
        return self.host
