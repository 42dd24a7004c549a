"""Routes: staff say which way mail to a domain, or of a project, goes."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Case, Max, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from delivery.admin.route_form import RouteForm, WhichWayForm
from delivery.models import Route
from delivery.rules import deciding, idle

USED, IDLE, BROKEN = "in use", "an earlier one decides", "there is no relay"
UNUSED = "no route counts"  # nothing leaves this machine
NOTES = {USED: "success", IDLE: "warning", BROKEN: "danger", UNUSED: "info"}
STEP = 10  # between positions, so that one can come between
WAYS = dict(Route.Way.choices) | {"capture": "Captured: nothing leaves this machine"}


@admin.register(Route)
class RouteAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """The list is in the order in which routes are looked at: the first that fits decides."""

    form = RouteForm
    list_display = ["about", "whose", "shown_way", "note", "position"]
    list_editable = ["position"]
    list_filter = ["way", "project"]
    list_select_related = ["project"]
    search_fields = ["domain"]
    ordering = ["position", "id"]
    sortable_by: list[str] = []
    list_before_template = "admin/delivery/route/before_list.html"
    actions_list = ["which_way"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Route]:
        """Return routes that know whether an earlier one leaves them nothing to decide."""
        routes = list(Route.objects.all())
        places = idle([route.rule for route in routes])
        known = When(pk__in=[routes[place].pk for place in places], then=Value(True))
        marked = super().get_queryset(request).annotate(idle=Case(known, default=Value(False)))
        return marked  # type: ignore[no-any-return]

    @admin.display(description="mail to")
    def about(self, route: Route) -> str:
        """Return the recipients' domain."""
        if route.domain.startswith("."):
            return f"names below {route.domain[1:]}"
        return route.domain or "every domain"

    @admin.display(description="of")
    def whose(self, route: Route) -> str:
        """Return the project."""
        return str(route.project or "every project")

    @admin.display(description="goes by")
    def shown_way(self, route: Route) -> str:
        """Return the way."""
        return route.get_way_display()

    @display(description="state", label=NOTES)  # type: ignore[untyped-decorator]
    def note(self, route: Route) -> str:
        """Return whether the route can decide anything."""
        if settings.MAIL_TRANSPORT == "capture":
            return UNUSED
        if not settings.SMTP_RELAY_URL and route.way == Route.Way.RELAY:
            return BROKEN
        return IDLE if getattr(route, "idle", False) else USED

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Put a new route behind all others."""
        last = Route.objects.aggregate(last=Max("position"))["last"]
        given: dict[str, Any] = super().get_changeform_initial_data(request)
        return {"position": (last or 0) + STEP} | given

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Say above the list what happens to mail that no route is about."""
        return super().changelist_view(request, (extra_context or {}) | _default())  # type: ignore[no-any-return]

    @action(  # type: ignore[untyped-decorator]
        description="Which way would it go?",
        permissions=["view"],
        icon="alt_route",
        url_path="which-way",
    )
    def which_way(self, request: HttpRequest) -> HttpResponse:
        """Tell which route decides for a mail."""
        form = WhichWayForm(request.GET or None)
        answer = _answer(**form.cleaned_data) if form.is_valid() else {}
        context = self.admin_site.each_context(request) | {
            "opts": self.opts,
            "title": "Which way would it go?",
            "form": form,
            **_default(),
            **answer,
        }
        return TemplateResponse(request, "admin/delivery/route/which_way.html", context)


def _default() -> dict[str, Any]:
    name = settings.MAIL_TRANSPORT
    return {"transport": name, "default_way": WAYS[name], "captured": name == "capture"}


def _answer(recipient: str, project: Any) -> dict[str, Any]:
    routes = list(Route.objects.select_related("project"))
    place = deciding([route.rule for route in routes], recipient, project.pk)
    return {
        "asked": f"{recipient}, of {project}",
        "route": None if place is None else routes[place],
    }
