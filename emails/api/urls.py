"""Routes of the API; each answers with and without a trailing slash, never by a redirect."""

from django.urls import re_path

from emails.api import views

urlpatterns = [
    re_path("^emails/?$", views.SendEmail.as_view(), name="send-email"),
    re_path("^emails/cancel/?$", views.CancelEmail.as_view(), name="cancel-email"),
    re_path("^emails/(?P<message_id>msg_[a-z0-9]+)/?$", views.ShowEmail.as_view(), name="email"),
]
