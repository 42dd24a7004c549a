"""Every route."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path
from django.views import defaults
from django.views.generic import RedirectView

from accounts import errors
from mailer import health
from mailer.metrics import metrics

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("api/", include("emails.api.urls")),
    path("api/", include("delivery.domains.urls")),
    path("", include("uploads.urls")),
    path("", include("tracking.urls")),
    path("", include("delivery.urls")),
    re_path("^healthz/?$", health.healthz),
    re_path("^readyz/?$", health.readyz),
    re_path("^metrics/?$", metrics),
    re_path(
        r"^api(/(?s:.*))?\Z", errors.not_found
    ),  # a catch-all: handler404 does not run with DEBUG
]


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/") or request.path == "/api"


def handler400(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that Django refused, in the shape of the API or of a page."""
    return (
        errors.bad_request(request)
        if _is_api(request)
        else defaults.bad_request(request, exception)
    )


def handler500(request: HttpRequest) -> HttpResponse:
    """Answer a failure, in the shape of the API or of a page."""
    return errors.server_error(request) if _is_api(request) else defaults.server_error(request)
