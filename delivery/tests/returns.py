"""Recipients whose mail went out, for tests of what comes back."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from delivery.return_paths import _paths
from emails.models import EmailEvent, Recipient, Status
from emails.tests.factories import make_recipient

DOMAIN = "bounces.example.com"


def delivered(**values: Any) -> Recipient:
    """A recipient whose mail another server took."""
    return make_recipient(**({"status": Status.DELIVERED, "attempts": 1} | values))


def return_address(recipient: Recipient | int, now: Any = None, domain: str = DOMAIN) -> str:
    number = recipient if isinstance(recipient, int) else recipient.pk
    return f"{_paths().local_part(number, now or timezone.now())}@{domain}"


def types(recipient: Recipient) -> list[str]:
    """The types of all events of a recipient."""
    return list(EmailEvent.objects.filter(recipient=recipient).values_list("type", flat=True))


def status_of(recipient: Recipient) -> str:
    return Recipient.objects.get(pk=recipient.pk).status
