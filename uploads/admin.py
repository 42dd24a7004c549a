"""Staff see what was uploaded; files come by the API and never change."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.paginator import InfinitePaginator

from uploads.models import Upload

KINDS = {
    "image": "Pictures",
    "text": "Text",
    "application": "Documents, archives and programs",
    "audio": "Sound",
    "video": "Video",
    "message": "Messages",
    "font": "Fonts",
}


class KindFilter(admin.SimpleListFilter):
    """Files by the first half of their type; to list the types that occur would read every row."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the kinds."""
        return list(KINDS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Upload]) -> QuerySet[Upload]:
        """Return the files; of an unknown kind there are none."""
        kind = self.value()
        return queryset if kind is None else queryset.filter(content_type__startswith=f"{kind}/")


@admin.register(Upload)
class UploadAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Lists files; deletes those that no email holds (Attachment.upload is PROTECT)."""

    list_display = ["name", "filename", "content_type", "human_size", "project", "created_at"]
    list_filter = ["project", "private", KindFilter, "created_at"]
    list_select_related = ["project"]
    search_fields = ["name", "filename"]
    ordering = ["-id"]  # as by date, for which there is no index
    show_full_result_count = False  # like the count of pages it would read the whole table
    paginator = InfinitePaginator
    list_disable_select_all = True  # it would name a count that is none
    fields = [
        "preview",
        "name",
        "link",
        "filename",
        "content_type",
        "human_size",
        "private",
        "project",
        "created_at",
    ]
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds files here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Upload | None = None) -> bool:
        """Nobody changes a file: its URL is out in the world."""
        return False

    @admin.display(description="size", ordering="size")
    def human_size(self, upload: Upload) -> str:
        """Return the size as people read it."""
        return filesizeformat(upload.size)

    @admin.display(description="link")
    def link(self, upload: Upload) -> str:
        """Return a link that opens the file; a private one has none."""
        if upload.private:
            return "Private: came inside an email and is sent with it, never served."
        return format_html('<a href="{0}" rel="noopener" target="_blank">{0}</a>', upload.url)

    @admin.display(description="preview")
    def preview(self, upload: Upload) -> str:
        """Return the picture, of kinds that can't run scripts."""
        if upload.private or not upload.shown_inline:
            return "none"
        return format_html(
            '<img src="{}" alt="" loading="lazy" style="max-width: 320px; max-height: 240px">',
            upload.url,
        )
