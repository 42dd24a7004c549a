"""Routes that stand in mail already sent: they never change."""

from django.urls import re_path

from tracking import views

_TOKEN = r"(?P<token>[A-Za-z0-9_-]+)"  # noqa: S105  a pattern, no secret

urlpatterns = [
    re_path(rf"^t/o/{_TOKEN}\.gif$", views.pixel, name="open-pixel"),
    re_path(r"^t/o/(?P<token>.*)$", views.pixel),  # whatever became of it on its way: a GIF
    re_path(rf"^t/c/{_TOKEN}$", views.click, name="click-redirect"),
]
