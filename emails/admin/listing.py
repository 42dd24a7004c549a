"""How staff find an email among a million: search and filters that the indexes can answer."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest

from emails.models import Email, Recipient, Status
from emails.models.email import PUBLIC_ID_START

WIDE = ("html_body", "text_body", "variables", "headers", "metadata", "cc", "bcc", "reply_to")


def for_list(emails: QuerySet[Email]) -> QuerySet[Email]:
    """Return the emails without what the list does not show, and with all that it does."""
    return emails.select_related("project").prefetch_related("recipients").defer(*WIDE)


def search(emails: QuerySet[Email], term: str) -> QuerySet[Email]:
    """Return the emails that `term` names: an id or an address exactly, else words of either.

    Ids and whole addresses are found by index; words are looked for in every subject and address.
    """
    term = term.strip()
    if not term:
        return emails
    if term.startswith(PUBLIC_ID_START):
        whole = emails.filter(public_id=term)
        return whole if whole.exists() else emails.filter(public_id__startswith=term)
    found = Recipient.objects.filter(address__in={term, term.lower()})
    if "@" in term.strip("@") and found.exists():
        return emails.filter(pk__in=found.values("email_id"))
    return emails.filter(_words(term))


def _words(term: str) -> Q:
    # A subquery that names no outer column runs once, not for each email.
    condition = Q()
    for word in term.split():
        addressed = Recipient.objects.filter(address__icontains=word).values("email_id")
        condition &= Q(subject__icontains=word) | Q(pk__in=addressed)
    return condition


class RecipientStatusFilter(admin.SimpleListFilter):
    """Emails of which any recipient has the status."""

    title = "status of any recipient"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the statuses."""
        return [(status.value, str(status.label)) for status in Status]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Email]) -> QuerySet[Email]:
        """Return the emails; an unknown status shows none."""
        if self.value() is None:
            return queryset
        recipients = Recipient.objects.filter(email=OuterRef("pk"), status=self.value())
        return queryset.filter(Exists(recipients))


class ScheduledFilter(admin.SimpleListFilter):
    """Emails that were to wait, or not."""

    title = "time of sending"
    parameter_name = "scheduled"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return both kinds."""
        return [("later", "Scheduled for later"), ("now", "At once")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Email]) -> QuerySet[Email]:
        """Return the emails of the kind."""
        if self.value() not in ("later", "now"):
            return queryset
        return queryset.filter(scheduled_at__isnull=self.value() == "now")
