"""Templates: staff write them; every save of a changed text is a new version."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Max, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from unfold.admin import ModelAdmin

from accounts.only_project import ProjectProposed
from emails.admin.preview import preview_page, required_variables
from emails.admin.template_form import PARTS, TemplateForm, parts_of
from emails.models import Email, Template, TemplateVersion

PREVIEW_HEADERS = {
    # The frame's sandbox holds in the frame; this holds also where the address is opened alone.
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src http: https: data:; font-src http: https: data:; frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",
}
MOST_VERSIONS = 200


@admin.register(Template)
class TemplateAdmin(ProjectProposed, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """The form edits the newest version; older ones can be read."""

    form = TemplateForm
    list_display = ["name", "api_id", "project", "version", "changed"]
    list_filter = ["project"]
    list_select_related = ["project"]
    search_fields = ["name"]
    warn_unsaved_form = True
    fieldsets = [
        (None, {"fields": ["name", "project"]}),
        ("What it says", {"fields": [*PARTS]}),
    ]
    preview_fieldset = ("Preview", {"fields": ["sample"]})

    def get_queryset(self, request: HttpRequest) -> QuerySet[Template]:
        """Return templates with the number and the time of the newest version."""
        newest = {"number": Max("versions__number"), "changed_at": Max("versions__created_at")}
        return super().get_queryset(request).annotate(**newest)  # type: ignore[no-any-return]

    def get_fieldsets(self, request: HttpRequest, obj: Template | None = None) -> Any:
        """Offer sample values to who can try them."""
        editable = self.has_change_permission(request, obj) if obj else True
        return [*self.fieldsets, self.preview_fieldset] if editable else self.fieldsets[:1]

    def get_readonly_fields(self, request: HttpRequest, obj: Template | None = None) -> list[str]:
        """A template stays in its project, whose programs know its id."""
        return ["project"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Template | None = None) -> bool:
        """Not where an email was made with it, and never many at a time."""
        used = obj is None or Email.objects.filter(template_version__template=obj).exists()
        return not used and super().has_delete_permission(request, obj)

    @admin.display(description="template_id in the API", ordering="id")
    def api_id(self, template: Template) -> int:
        """Return the number that a request gives."""
        return template.pk

    @admin.display(description="version", ordering="number")
    def version(self, template: Template) -> Any:
        """Return the number of the newest version."""
        return getattr(template, "number", None)

    @admin.display(description="last change", ordering="changed_at")
    def changed(self, template: Template) -> Any:
        """Return when the newest version was made."""
        return getattr(template, "changed_at", None)

    def save_model(self, request: HttpRequest, obj: Template, form: Any, change: bool) -> None:
        """Save the row, and what it says as a version."""
        super().save_model(request, obj, form, change)
        before = obj.current
        said = {part: form.cleaned_data[part] for part in PARTS}
        version = obj.add_version(**said, created_by=request.user)
        if before and version.pk != before.pk:
            messages.info(
                request,
                f"This is version {version.number} now. "
                "Emails that were accepted before keep the version that they came with.",
            )

    def get_urls(self) -> list[URLPattern]:
        """Add the pages of versions and the preview."""
        wrap = self.admin_site.admin_view
        return [
            path("preview/", wrap(self.preview_view), name="emails_template_preview"),
            path(
                "<int:template_id>/versions/<int:number>/",
                wrap(self.version_view),
                name="emails_template_version",
            ),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show what programs need to know, the versions and a preview below the form."""
        template = self.get_object(request, object_id)
        shown = self._about(template) if template else {}
        return super().change_view(request, object_id, form_url, (extra_context or {}) | shown)  # type: ignore[no-any-return]

    def _about(self, template: Template) -> dict[str, Any]:
        versions = list(template.versions.select_related("created_by")[:MOST_VERSIONS])
        parts = parts_of(versions[0]) if versions else {}
        return {
            "template": template,
            "versions": versions,
            "required_variables": required_variables(parts),
            "preview": preview_page(parts) if parts else "",
        }

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """Render what is typed in the form, unsaved, for the frame beside it."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not (self.has_change_permission(request) or self.has_add_permission(request)):
            raise PermissionDenied
        typed = {part: request.POST.get(part, "") for part in PARTS}
        page = preview_page(typed, request.POST.get("sample", ""))
        return HttpResponse(page, headers=PREVIEW_HEADERS)

    def version_view(self, request: HttpRequest, template_id: int, number: int) -> HttpResponse:
        """Show one version, as it is and for ever will be."""
        found = TemplateVersion.objects.select_related("template__project", "created_by")
        version = found.filter(template_id=template_id, number=number).first()
        if version is None:
            raise Http404("There is no such version.")
        if not self.has_view_permission(request, version.template):
            raise PermissionDenied
        context = self.admin_site.each_context(request) | {
            "opts": self.opts,
            "original": version.template,
            "title": f"{version.template}, version {version.number}",
            "version": version,
            "preview": preview_page(parts_of(version)),
        }
        return TemplateResponse(request, "admin/emails/template/version.html", context)
