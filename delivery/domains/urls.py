"""Routes of the API about sending domains; each answers with and without a trailing slash."""

from django.urls import re_path

from delivery.domains import api

NAME = r"(?P<name>[^/]+)"

urlpatterns = [
    re_path(r"^domains/?\Z", api.Domains.as_view(), name="domains"),
    re_path(rf"^domains/{NAME}/?\Z", api.OneDomain.as_view(), name="domain"),
    re_path(rf"^domains/{NAME}/check/?\Z", api.CheckDomain.as_view(), name="check-domain"),
    re_path(rf"^domains/{NAME}/rotate/?\Z", api.RotateKeys.as_view(), name="rotate-keys"),
]
