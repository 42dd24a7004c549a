"""Which way mail goes."""

from __future__ import annotations

from django.db import models

from accounts.models import Project
from delivery.rules import Rule


class Route(models.Model):
    """Sends mail to a domain, of a project, or both, another way than MAIL_TRANSPORT says.

    The first that fits is taken, by `position`.
    """

    class Way(models.TextChoices):
        """The ways, and what follows where one can't be reached."""

        RELAY = "relay", "Relay"
        MX = "mx", "Built-in mail server"
        RELAY_THEN_MX = "relay,mx", "Relay, else built-in mail server"
        MX_THEN_RELAY = "mx,relay", "Built-in mail server, else relay"

    position = models.PositiveIntegerField(default=10, help_text="Smaller is looked at first.")
    project = models.ForeignKey(
        Project,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="routes",
        help_text="Empty: every project.",
    )
    domain = models.CharField(
        max_length=253,
        blank=True,
        help_text="Of the recipient. .example.com is every name below it. Empty: every domain.",
    )
    way = models.CharField(max_length=8, choices=Way.choices)

    class Meta:
        db_table = "routes"
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return f"{self.domain or 'every domain'} → {self.get_way_display()}"

    @property
    def rule(self) -> Rule:
        """What the row says."""
        return Rule(self.project_id, self.domain, tuple(self.way.split(",")))
