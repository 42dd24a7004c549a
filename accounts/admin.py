"""Staff manage projects and API keys; a key is seen once, when it is made."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from accounts.confirmation import Question, confirmation_page
from accounts.models import ApiKey, Project
from accounts.only_project import ProjectProposed


@admin.register(Project)
class ProjectAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Projects are never deleted here: their mail, its links and its history would go too."""

    list_display = ["name", "slug", "created_at"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Project | None = None
    ) -> dict[str, Any]:
        """Suggest a slug for a new project only: scripts know the old ones by theirs."""
        return {} if obj else dict(self.prepopulated_fields)

    def has_delete_permission(self, request: HttpRequest, obj: Project | None = None) -> bool:
        """Nobody."""
        return False


@admin.register(ApiKey)
class ApiKeyAdmin(ProjectProposed, ModelAdmin):  # type: ignore[misc]
    """Keys are made, shown once, and revoked; their rows stay, to say who could once call us."""

    list_display = ["name", "shown_prefix", "project", "created_at", "last_used_at", "state"]
    list_filter = ["project", ("revoked_at", admin.EmptyFieldListFilter)]
    list_select_related = ["project"]
    search_fields = ["name", "prefix"]
    fields = ["project", "name"]
    actions = ["revoke_selected"]
    actions_detail = ["revoke"]

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        """Show what is known of a key once there is one."""
        more = ["shown_prefix", "state", "created_at", "last_used_at", "revoked_at"]
        return [*self.fields, *more] if obj else list(self.fields)

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        """Only the name of an existing key can change."""
        return [name for name in self.get_fields(request, obj) if name != "name"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """Nobody: a key is revoked instead."""
        return False

    @admin.display(description="key")
    def shown_prefix(self, key: ApiKey) -> str:
        """Return how the key begins: enough to find it in a configuration."""
        return f"{key.prefix}…"

    @display(description="state", label={"active": "success", "revoked": "danger"})  # type: ignore[untyped-decorator]
    def state(self, key: ApiKey) -> str:
        """Return whether the key opens the door."""
        return "revoked" if key.revoked_at else "active"

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """One button: what follows is the page with the key."""
        only_save = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().add_view(request, form_url, (extra_context or {}) | only_save)  # type: ignore[no-any-return]

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """Give a new row its key, which lives as long as this request."""
        if not change:
            request.new_key = obj.set_key()  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the key in this answer and nowhere else: a message would be kept in a cookie."""
        context = self.admin_site.each_context(request) | {
            "opts": self.opts,
            "title": "Copy the API key now",
            "api_key": obj,
            "secret": request.new_key,  # type: ignore[attr-defined]
        }
        return TemplateResponse(request, "admin/accounts/apikey/shown_once.html", context)

    @admin.action(description="Revoke selected keys", permissions=["change"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """Close the door for each."""
        keys = list(queryset.filter(revoked_at=None))
        for key in keys:
            self._revoke(request, key)
        messages.success(request, f"Revoked: {len(keys)}. They are refused from now on.")

    @action(  # type: ignore[untyped-decorator]
        description="Revoke", permissions=["change"], icon="block", variant=ActionVariant.DANGER
    )
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then close the door."""
        key = self.get_object(request, object_id)
        if key is None:
            raise Http404("There is no such key.")
        if request.method != "POST":
            question = Question(
                f"Revoke the key “{key.name}”?",
                f"Programs that use {key.prefix}… are refused from this moment. "
                "A revoked key can't be brought back; make a new one instead.",
                "Yes, revoke it",
            )
            return confirmation_page(self, request, key, question)
        self._revoke(request, key)
        messages.success(request, f"The key “{key.name}” was revoked.")
        return HttpResponseRedirect(reverse("admin:accounts_apikey_change", args=[key.pk]))

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
        """Offer to revoke what is not revoked yet."""
        key = self.get_object(request, object_id)
        active = key is not None and key.revoked_at is None
        return super().get_actions_detail(request, object_id) if active else []

    def _revoke(self, request: HttpRequest, key: ApiKey) -> None:
        key.revoke()
        self.log_change(request, key, "Revoked.")
