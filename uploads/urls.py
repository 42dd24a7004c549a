"""Routes of uploads; the API answers with and without a trailing slash, never by a redirect."""

from django.urls import path, re_path

from uploads import api, pages

urlpatterns = [
    re_path(r"^api/upload/?\Z", api.UploadView.as_view(), name="upload"),
    path("uploads/<path:name>", pages.serve, name="uploaded"),
]
