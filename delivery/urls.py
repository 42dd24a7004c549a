"""The development inbox; it exists only with the capture transport."""

from django.urls import re_path

from delivery import views
from delivery.inbox import MAIL_ID

urlpatterns = [
    re_path(r"^inbox/?$", views.mails, name="inbox"),
    re_path(rf"^inbox/(?P<mail_id>{MAIL_ID})/?$", views.mail, name="inbox-mail"),
    re_path(rf"^inbox/(?P<mail_id>{MAIL_ID})\.eml$", views.source, name="inbox-source"),
    re_path(
        rf"^inbox/(?P<mail_id>{MAIL_ID})/attachments/(?P<number>[0-9]{{1,4}})/?$",
        views.attachment,
        name="inbox-attachment",
    ),
]
