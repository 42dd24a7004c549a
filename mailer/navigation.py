"""The sidebar of the staff pages: what a member of staff may see, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse

SEEING = ("view", "change", "add", "delete")


@dataclass(frozen=True, slots=True)
class Entry:
    """A link to the list of a model."""

    title: str
    icon: str  # of Google's Material Symbols
    app: str
    model: str

    def is_for(self, request: HttpRequest) -> bool:
        """Return whether the user may do anything with the model."""
        return any(request.user.has_perm(f"{self.app}.{verb}_{self.model}") for verb in SEEING)

    def item(self) -> dict[str, Any]:
        """Return what unfold draws."""
        link = reverse(f"admin:{self.app}_{self.model}_changelist")
        return {"title": self.title, "icon": self.icon, "link": link}


GROUPS: dict[str, list[Entry]] = {
    "Mail": [
        Entry("Emails", "mail", "emails", "email"),
        Entry("Templates", "draft", "emails", "template"),
        Entry("Suppressions", "block", "emails", "suppression"),
        Entry("Uploads", "attach_file", "uploads", "upload"),
        Entry("Sending domains", "language", "accounts", "sendingdomain"),
        Entry("Inbound messages", "move_to_inbox", "delivery", "inboundmessage"),
    ],
    "Delivery": [
        Entry("Routes", "alt_route", "delivery", "route"),
        Entry("Destination limits", "speed", "delivery", "destinationlimit"),
        Entry("MTA-STS policies", "verified_user", "delivery", "mtastspolicy"),
    ],
    "Access": [
        Entry("Projects", "workspaces", "accounts", "project"),
        Entry("API keys", "key", "accounts", "apikey"),
        Entry("Users", "person", "auth", "user"),
        Entry("Groups", "group", "auth", "group"),
    ],
    "System": [
        Entry("Periodic tasks", "schedule", "django_celery_beat", "periodictask"),
        Entry("Intervals", "timer", "django_celery_beat", "intervalschedule"),
    ],
}


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the groups with what the user may see in each."""
    return [
        group for title, entries in GROUPS.items() if (group := _group(request, title, entries))
    ]


def stylesheet(request: HttpRequest) -> str:
    """Return the address of our own additions to unfold's style."""
    return static("mailer/staff.css")


def _group(request: HttpRequest, title: str, entries: list[Entry]) -> dict[str, Any]:
    items = [entry.item() for entry in entries if entry.is_for(request)]
    if title == "Mail":
        items += _inbox()
    return {"title": title, "separator": title != "Mail", "items": items} if items else {}


def _inbox() -> Iterator[dict[str, Any]]:
    if settings.MAIL_TRANSPORT == "capture":
        yield {"title": "Development inbox", "icon": "inbox", "link": reverse("inbox")}
