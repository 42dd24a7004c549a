"""Routes of the API; each answers with and without a trailing slash, never by a redirect."""

from django.urls import re_path

from emails.api import views

urlpatterns = [
    re_path(r"^emails/?\Z", views.SendEmail.as_view(), name="send-email"),
    re_path(r"^emails/batch/?\Z", views.SendBatch.as_view(), name="send-batch"),
    re_path(r"^emails/cancel/?\Z", views.CancelEmail.as_view(), name="cancel-email"),
    re_path(r"^emails/(?P<message_id>msg_[a-z0-9]+)/?\Z", views.ShowEmail.as_view(), name="email"),
]
