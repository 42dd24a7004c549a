"""Routes of uploads; the API answers with and without a trailing slash, never by a redirect."""

from django.urls import re_path

from uploads import api, pages

urlpatterns = [
    re_path(r"^api/upload/?\Z", api.UploadView.as_view(), name="upload"),
    re_path(r"^uploads/(?P<name>(?s:.*))\Z", pages.serve, name="uploaded"),
]
