"""The MTA-STS policies that are held: staff read them, and drop what went wrong."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.decorators import display

from delivery.models import MtaStsPolicy

MODES = {"enforced": "success", "testing": "info", "taken back": "warning", "ended": "warning"}


@admin.register(MtaStsPolicy)
class MtaStsPolicyAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Read-only: a policy is what the domain said. A dropped one is fetched anew."""

    list_display = ["domain", "state", "hosts", "fetched_at", "expires_at"]
    list_filter = ["mode"]
    search_fields = ["domain"]
    fields = ["domain", "state", "hosts", "policy_id", "max_age", "fetched_at", "expires_at"]
    readonly_fields = fields
    actions = ["forget"]
    list_before_template = "admin/delivery/mtastspolicy/before_list.html"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Say above the list what policies are for."""
        context = (extra_context or {}) | {"fetched": settings.MTA_STS}
        return super().changelist_view(request, context)  # type: ignore[no-any-return]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody: policies come from their domains."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: MtaStsPolicy | None = None) -> bool:
        """Nobody."""
        return False

    @display(description="mode", label=MODES)  # type: ignore[untyped-decorator]
    def state(self, policy: MtaStsPolicy) -> str:
        """Return what is done by it."""
        if policy.expires_at <= timezone.now():
            return "ended"
        names = {MtaStsPolicy.Mode.ENFORCE: "enforced", MtaStsPolicy.Mode.NONE: "taken back"}
        return names.get(MtaStsPolicy.Mode(policy.mode), "testing")

    @admin.display(description="mail exchangers")
    def hosts(self, policy: MtaStsPolicy) -> str:
        """Return the names that it lists."""
        return ", ".join(policy.mx) or "none"

    def get_actions(self, request: HttpRequest) -> dict[str, object]:
        """Forgetting is what deleting means here."""
        found = super().get_actions(request)
        found.pop("delete_selected", None)
        return found  # type: ignore[no-any-return]

    @admin.action(description="Forget selected policies", permissions=["delete"])
    def forget(self, request: HttpRequest, queryset: QuerySet[MtaStsPolicy]) -> None:
        """Drop them, so that each domain is asked anew."""
        policies = list(queryset)
        self.log_deletions(request, queryset)
        queryset.delete()
        messages.success(
            request,
            f"Forgotten: {len(policies)}. Workers ask their domains anew within ten minutes; "
            "until then they go by what they know.",
        )
