"""Suppressions: addresses that a project does not write to; staff add, remove, import, export."""

from __future__ import annotations

import logging
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.paginator import InfinitePaginator
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.models import Project
from accounts.only_project import ProjectProposed, only_project
from emails import suppression_csv
from emails.addresses import InvalidAddress, checked_address
from emails.models import Suppression
from emails.suppressing import listed_form, suppress_all
from emails.suppression_csv import Reading, Unreadable

logger = logging.getLogger(__name__)

MOST_SHOWN = 200  # wrong lines on the page


class SuppressionForm(forms.ModelForm):  # type: ignore[type-arg]
    """One address, entered by staff."""

    class Meta:
        model = Suppression
        fields = ["project", "address", "note"]
        widgets = {"address": UnfoldAdminTextInputWidget, "note": UnfoldAdminTextInputWidget}
        help_texts = {
            "address": "Nothing is sent to it any more, in whatever case it is written.",
            "note": "Why, for whoever looks here later.",
        }

    def clean_address(self) -> str:
        """Return the address as the list has it."""
        try:
            return listed_form(checked_address(self.cleaned_data["address"]).email)
        except InvalidAddress as error:
            raise ValidationError(str(error)) from None

    def clean(self) -> dict[str, Any]:
        """Refuse an address that is there already."""
        said: dict[str, Any] = super().clean() or {}
        found = Suppression.objects.filter(
            project=said.get("project"), address=said.get("address")
        ).first()
        if found and found.pk != self.instance.pk:
            reason = found.get_reason_display().lower()
            self.add_error("address", f"It is on the list already ({reason}).")
        return said


class ImportForm(forms.Form):
    """A file, and whose list it goes to."""

    project = forms.ModelChoiceField(
        Project.objects.order_by("name"), widget=UnfoldAdminSelectWidget
    )
    project.initial = only_project  # as an option of the field it would choose the first of several
    file = forms.FileField(label="CSV file", widget=UnfoldAdminFileFieldWidget)

    def clean_file(self) -> Reading:
        """Return what the file says."""
        file = self.cleaned_data["file"]
        if file.size > suppression_csv.MOST_BYTES:
            megabytes = suppression_csv.MOST_BYTES // 1024**2
            raise ValidationError(f"The file is larger than {megabytes} MB: split it.")
        try:
            return suppression_csv.read(file.read())
        except Unreadable as error:
            raise ValidationError(str(error)) from None


@admin.register(Suppression)
class SuppressionAdmin(ProjectProposed, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """An entry is added or removed; of one that is there, only the note changes."""

    form = SuppressionForm
    list_display = ["address", "why", "project", "note", "created_at"]
    list_filter = ["reason", "project", "created_at"]
    list_select_related = ["project"]
    search_fields = ["address"]
    search_help_text = "An address, or a part of it"
    ordering = ["-id"]
    list_per_page = 50
    show_full_result_count = False
    paginator = InfinitePaginator
    list_disable_select_all = True  # of how many, nobody counted
    actions = ["export_selected"]
    actions_list = ["import_file", "export"]

    def get_fields(self, request: HttpRequest, obj: Suppression | None = None) -> list[str]:
        """Show what is known of an entry once there is one."""
        if obj is None:
            return ["project", "address", "note"]
        return ["address", "project", "reason", "created_at", "from_email", "note"]

    def get_readonly_fields(self, request: HttpRequest, obj: Suppression | None = None) -> Any:
        """Only the note can change."""
        return [name for name in self.get_fields(request, obj) if name != "note"] if obj else []

    def get_form(
        self, request: HttpRequest, obj: Suppression | None = None, **options: Any
    ) -> type[forms.ModelForm]:  # type: ignore[type-arg]
        """Return a form that judges addresses for new entries alone."""
        if obj:
            options["form"] = forms.ModelForm
        form: type[forms.ModelForm] = super().get_form(request, obj, **options)  # type: ignore[type-arg]
        return form

    @display(  # type: ignore[untyped-decorator]
        description="reason",
        ordering="reason",
        label={
            "bounce": "danger",
            "complaint": "danger",
            "unsubscribe": "warning",
            "manual": "info",
            "import": "default",
        },
    )
    def why(self, row: Suppression) -> tuple[str, str]:
        """Return the reason, with its badge."""
        return row.reason, row.get_reason_display()

    @admin.display(description="because of")
    def from_email(self, row: Suppression) -> str:
        """Return the mail whose event put it here."""
        if row.event is None:
            return "no mail of ours"
        email = row.event.email
        url = reverse("admin:emails_email_change", args=[email.pk])
        return format_html('<a href="{}">{}</a>', url, email.public_id)

    @action(  # type: ignore[untyped-decorator]
        description="Import CSV", permissions=["add"], icon="upload", url_path="import"
    )
    def import_file(self, request: HttpRequest) -> HttpResponse:
        """Show the form; take a file, and say what became of each line."""
        form = ImportForm(request.POST or None, request.FILES or None)
        context: dict[str, Any] = {"form": form}
        if request.method == "POST" and form.is_valid():
            context |= self._imported(
                request, form.cleaned_data["project"], form.cleaned_data["file"]
            )
        context |= self.admin_site.each_context(request) | {
            "opts": self.opts,
            "title": "Import suppressed addresses",
            "most_lines": f"{suppression_csv.MOST_LINES:,}",
            "reasons": Suppression.Reason.values,
        }
        return TemplateResponse(request, "admin/emails/suppression/import.html", context)

    def _imported(self, request: HttpRequest, project: Project, reading: Reading) -> dict[str, Any]:
        added = suppress_all(project.pk, reading.entries)
        logger.info(
            "suppressions imported",
            extra={"staff": request.user.get_username(), "new": added.new, "project": project.slug},
        )
        return {
            "done": added,
            "project": project,
            "known": len(reading.entries) - added.new - added.stronger,
            "wrong": reading.wrong[:MOST_SHOWN],
            "wrong_count": len(reading.wrong),
        }

    @action(  # type: ignore[untyped-decorator]
        description="Export CSV", permissions=["view"], icon="download", url_path="export"
    )
    def export(self, request: HttpRequest) -> HttpResponseBase:
        """Return the whole list as a file."""
        return _file(self.get_queryset(request))

    @admin.action(description="Export selected as CSV", permissions=["view"])
    def export_selected(
        self, request: HttpRequest, queryset: QuerySet[Suppression]
    ) -> HttpResponseBase:
        """Return some entries as a file."""
        return _file(queryset)


def _file(rows: QuerySet[Suppression]) -> HttpResponseBase:
    lines = suppression_csv.written(rows.select_related("project").order_by("id").iterator(2000))
    name = f"suppressions-{timezone.now():%Y-%m-%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)
