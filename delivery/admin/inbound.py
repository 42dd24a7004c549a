"""Mail from outside that nobody but people can understand: staff read it and mark it handled."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.text import Truncator
from django.views.decorators.http import require_POST, require_safe
from unfold.admin import ModelAdmin
from unfold.decorators import display

from delivery.admin.readable import readable
from delivery.models import InboundMessage
from delivery.return_paths import recipient_of
from emails.models import Email

LONGEST_SUBJECT = 70  # characters in the list
BADGES = {"new": "info", "handled": ""}


@admin.register(InboundMessage)
class InboundMessageAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Read-only but for the mark; what is not needed any more may be deleted."""

    list_display = ["received", "summary", "written_to", "reason", "state"]
    list_filter = [("handled_at", admin.EmptyFieldListFilter), "reason"]
    search_fields = ["subject", "mail_from", "rcpt_to"]
    search_help_text = "Words of the subject, or an address"
    sortable_by = ["received"]
    list_per_page = 50
    show_full_result_count = False
    list_fullwidth = True
    fields = ()
    actions = ["mark_handled"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[InboundMessage]:
        """Return the messages without their content, of which the list shows nothing."""
        return super().get_queryset(request).defer("content")  # type: ignore[no-any-return]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody: they come by SMTP."""
        return False

    @admin.display(description="received", ordering="received_at")
    def received(self, row: InboundMessage) -> Any:
        """Return when it came."""
        return row.received_at

    @display(description="message", header=True)  # type: ignore[untyped-decorator]
    def summary(self, row: InboundMessage) -> tuple[str, str]:
        """Return the subject and who sent it."""
        subject = Truncator(row.subject or "(no subject)").chars(LONGEST_SUBJECT)
        return subject, f"from {row.mail_from or 'a mail server'}"

    @admin.display(description="written to")
    def written_to(self, row: InboundMessage) -> str:
        """Return which of our addresses it came to; of a return path, its beginning."""
        local_part, at, domain = row.rcpt_to.rpartition("@")
        return f"{Truncator(local_part).chars(12)}{at}{domain}"

    @display(description="state", label=BADGES)  # type: ignore[untyped-decorator]
    def state(self, row: InboundMessage) -> str:
        """Return whether staff have seen to it."""
        return "handled" if row.handled_at else "new"

    @admin.action(description="Mark as handled", permissions=["change"])
    def mark_handled(self, request: HttpRequest, queryset: QuerySet[InboundMessage]) -> None:
        """Mark those that are new."""
        count = queryset.filter(handled_at=None).update(handled_at=timezone.now())
        messages.success(request, f"Marked as handled: {count}.")

    def get_urls(self) -> list[Any]:
        """Add the download and the mark."""
        own = [
            path("<path:object_id>/eml/", self._page(self.download), name=NAMES["eml"]),
            path("<path:object_id>/handled/", self._page(self.handled), name=NAMES["handled"]),
        ]
        return [*own, *super().get_urls()]

    def _page(self, view: Any) -> Any:
        return self.admin_site.admin_view(view)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show it, as text and nothing else."""
        row = self.get_object(request, object_id)
        shown: dict[str, Any] = {}
        if row and self.has_view_permission(request, row):
            shown = {
                "row": row,
                "about": _about(request, row),
                "readable": readable(bytes(row.content)),
                "badge": BADGES[self.state(row)],
                "state": self.state(row),
                "may_mark": self.has_change_permission(request, row),
                "title": Truncator(row.subject or "(no subject)").chars(LONGEST_SUBJECT),
                "show_save": False,
                "show_save_and_continue": False,
            }
        return super().change_view(request, object_id, form_url, (extra_context or {}) | shown)  # type: ignore[no-any-return]

    def download(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give the message as it came, as a file and never as a page."""
        return _file(request, self._row(request, object_id, self.has_view_permission))

    def handled(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Mark it as handled, or as new again."""
        return self._mark(request, self._row(request, object_id, self.has_change_permission))

    def _row(self, request: HttpRequest, object_id: str, may: Any) -> InboundMessage:
        row: InboundMessage | None = self.get_object(request, object_id)
        if row is None:
            raise Http404("There is no such message.")
        if not may(request, row):
            raise PermissionDenied
        return row

    def _mark(self, request: HttpRequest, row: InboundMessage) -> HttpResponse:
        return _marked(request, self, row)


NAMES = {"eml": "delivery_inboundmessage_eml", "handled": "delivery_inboundmessage_handled"}


def _about(request: HttpRequest, row: InboundMessage) -> Email | None:
    """Return the email whose return path it came to, if it is still known and may be seen."""
    recipient_id = recipient_of(row.rcpt_to.rpartition("@")[0])
    if recipient_id is None or not request.user.has_perm("emails.view_email"):
        return None
    return Email.objects.filter(recipients=recipient_id).first()


@require_safe
def _file(request: HttpRequest, row: InboundMessage) -> HttpResponse:
    return HttpResponse(
        bytes(row.content),
        content_type="message/rfc822",
        headers={
            "Content-Disposition": f'attachment; filename="inbound-{row.pk}.eml"',
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'",
        },
    )


@require_POST
def _marked(request: HttpRequest, shown: InboundMessageAdmin, row: InboundMessage) -> HttpResponse:
    row.handled_at = None if row.handled_at else timezone.now()
    row.save(update_fields=["handled_at"])
    shown.log_change(request, row, "Handled." if row.handled_at else "New again.")
    if not row.handled_at:
        return HttpResponseRedirect(reverse("admin:delivery_inboundmessage_change", args=[row.pk]))
    messages.success(request, f"“{row}” is handled.")
    return HttpResponseRedirect(reverse("admin:delivery_inboundmessage_changelist"))
