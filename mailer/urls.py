"""Every route."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from accounts import errors

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("api/", include("emails.api.urls")),
    path("", include("uploads.urls")),
    re_path("^api(/.*)?$", errors.not_found),  # a catch-all: handler404 does not run with DEBUG
]
