"""Emails: staff find them, read what became of them, and cancel what was not sent yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.text import Truncator
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.paginator import InfinitePaginator

from accounts.confirmation import Question, confirmation_page
from emails import events
from emails.admin.detail import BADGES, detail_of
from emails.admin.listing import RecipientStatusFilter, ScheduledFilter, for_list, search
from emails.events import TooLate
from emails.models import Email, Recipient, Status
from emails.models.recipient import WAITING

LONGEST_SUBJECT = 70  # characters in the list


@admin.register(Email)
class EmailAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Read-only: an email is what was accepted. Who may change it may cancel it."""

    list_display = ["message", "summary", "status", "project", "sent", "due"]
    list_filter = [RecipientStatusFilter, ScheduledFilter, "created_at", "project"]
    search_fields = ["public_id"]  # shows the field; `search` decides what it means
    search_help_text = "A message id, a recipient's address, or words of the subject"
    sortable_by = ["sent"]
    ordering = ["-id"]
    list_per_page = 50
    show_full_result_count = False  # at a million rows, counting takes longer than the page
    paginator = InfinitePaginator
    list_disable_select_all = True
    list_fullwidth = True
    fields = ()
    actions = ["cancel_selected"]
    actions_detail = ["cancel"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Email]:
        """Return the emails with what a line of the list needs: no query for each."""
        return for_list(super().get_queryset(request))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Email], search_term: str
    ) -> tuple[QuerySet[Email], bool]:
        """Return what `search` finds; it holds no email twice."""
        return search(queryset, search_term), False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody: emails come by the API."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Email | None = None) -> bool:
        """Nobody: what was accepted stays as it is."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Email | None = None) -> bool:
        """Whoever may view, or may cancel."""
        return super().has_view_permission(request, obj) or self.has_cancel_permission(request)

    def has_cancel_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may change emails, which is nothing but to cancel them."""
        return bool(request.user.has_perm("emails.change_email"))

    @admin.display(description="message")
    def message(self, email: Email) -> str:
        """Return the id that the API gave."""
        return email.public_id

    @display(description="email", header=True)  # type: ignore[untyped-decorator]
    def summary(self, email: Email) -> tuple[str, str]:
        """Return the subject and who gets it."""
        subject = Truncator(email.subject or "(no subject)").chars(LONGEST_SUBJECT)
        return subject, _recipients(email)

    @display(description="status", label=BADGES)  # type: ignore[untyped-decorator]
    def status(self, email: Email) -> tuple[str, str]:
        """Return the derived status, with its badge."""
        return email.status.value, str(email.status.label)

    @admin.display(description="created", ordering="created_at")
    def sent(self, email: Email) -> Any:
        """Return when it was accepted."""
        return email.created_at

    @admin.display(description="scheduled for", empty_value="at once")
    def due(self, email: Email) -> Any:
        """Return when it is to go."""
        return email.scheduled_at

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the email, everything that is known of it on one page."""
        email = self.get_object(request, object_id)
        shown = detail_of(email.pk) if email and self.has_view_permission(request, email) else {}
        return super().change_view(request, object_id, form_url, (extra_context or {}) | shown)  # type: ignore[no-any-return]

    @admin.action(description="Cancel selected emails", permissions=["cancel"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Email]) -> None:
        """Cancel what can be, and say what could not and why."""
        refusals = Counter(_cancel(self, request, email) for email in queryset)
        if cancelled := refusals.pop("", 0):
            messages.success(request, f"Cancelled: {cancelled}. They will certainly not be sent.")
        if refusals:
            reasons = ", ".join(f"{count} {reason}" for reason, count in refusals.items())
            messages.warning(request, f"Too late for {refusals.total()}: {reasons}.")

    @action(  # type: ignore[untyped-decorator]
        description="Cancel sending",
        permissions=["cancel"],
        icon="cancel",
        variant=ActionVariant.DANGER,
    )
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then cancel; a worker may have been faster."""
        email = self.get_object(request, object_id)
        if email is None:
            raise Http404("There is no such email.")
        if request.method != "POST":
            return confirmation_page(self, request, email, _question(email))
        if reason := _cancel(self, request, email):
            messages.error(request, f"Too late, nothing was cancelled: {email} {reason}.")
        else:
            messages.success(request, f"{email} was cancelled. It will certainly not be sent.")
        return HttpResponseRedirect(reverse("admin:emails_email_change", args=[email.pk]))

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
        """Offer to cancel only where that can still succeed."""
        email = self.get_object(request, object_id)
        offered = email is not None and _can_be_cancelled(email.recipients.all())
        return super().get_actions_detail(request, object_id) if offered else []


def _can_be_cancelled(recipients: Iterable[Recipient]) -> bool:
    """Tell whether somebody waits and nobody else can have got it, as `transitions.cancel` does."""
    found = {"ambiguous" if row.ambiguous else row.status for row in recipients}
    return bool(found.intersection(WAITING)) and found <= {*WAITING, Status.SUPPRESSED}


def _recipients(email: Email) -> str:
    first, *more = [person.address for person in email.recipients.all()]
    return f"to {first} and {len(more)} more" if more else f"to {first}"


def _cancel(admin: EmailAdmin, request: HttpRequest, email: Email) -> str:
    """Return why it was too late, "" where the email was cancelled."""
    try:
        events.cancel(Email.objects.get(pk=email.pk))  # not with recipients read before
    except TooLate as late:
        return _reason(late)
    admin.log_change(request, email, "Cancelled.")
    return ""


def _reason(late: TooLate) -> str:
    if late.status == Status.CANCELLED:
        return "already cancelled"
    if late.ambiguous and late.status in WAITING:
        return "may have been sent by an attempt whose end nobody saw"
    if late.status in (*WAITING, Status.SENDING):
        return "being sent"
    return f"already {late.status.label.lower()}"


def _question(email: Email) -> Question:
    count = email.recipients.count()
    whom = "its recipient" if count == 1 else f"any of its {count} recipients"
    return Question(
        f"Cancel {email}?",
        f"The email will not be sent to {whom}. A cancelled email can't be brought back.",
        "Yes, cancel it",
    )
