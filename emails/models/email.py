"""One submission, as it was accepted."""

from __future__ import annotations

import secrets

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Project
from emails.models.json_as_sent import JSONAsSentField
from emails.models.recipient import Status, derive
from emails.models.template import TemplateVersion
from uploads.models import Upload

PUBLIC_ID_START = "msg_"
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
_LENGTH = 16


def new_public_id() -> str:
    """Return a `msg_…` id of 82 random bits."""
    number, letters = secrets.randbelow(len(_ALPHABET) ** _LENGTH), ""
    for _ in range(_LENGTH):  # one call for randomness: it costs more than the digits
        number, digit = divmod(number, len(_ALPHABET))
        letters += _ALPHABET[digit]
    return PUBLIC_ID_START + letters


class Email(models.Model):
    """One submission: wide, and not updated after acceptance."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="emails")
    public_id = models.CharField(max_length=32, default=new_public_id)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    from_email = models.CharField(max_length=320)
    from_name = models.CharField(max_length=255, blank=True)
    reply_to = models.JSONField(default=list, blank=True)  # each [{"email": …, "name": …}]
    to = models.JSONField(default=list)
    cc = models.JSONField(default=list, blank=True)
    bcc = models.JSONField(default=list, blank=True)

    subject = models.TextField(blank=True)
    html_body = models.TextField(blank=True)
    text_body = models.TextField(blank=True)
    template_version = models.ForeignKey(
        TemplateVersion,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="emails",
        db_index=False,  # see below
    )
    variables = JSONAsSentField(default=dict, blank=True)
    headers = JSONAsSentField(default=dict, blank=True)  # to a value, or a list of them
    tags = models.JSONField(default=list, blank=True)
    metadata = JSONAsSentField(default=dict, blank=True)
    rfc_message_id = models.CharField(
        max_length=400, help_text="RFC 5322 Message-ID, the same at every attempt."
    )

    track_opens = models.BooleanField(default=True)
    track_clicks = models.BooleanField(default=True)
    scheduled_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(help_text="Not tried any longer than that.")

    class Meta:
        db_table = "emails"
        ordering = ["-id"]
        # Each index is written to for each mail. With `unique`, PostgreSQL gets a second one for
        # beginnings of ids, which staff look for too: one of this class serves both. The index of
        # a foreign key would hold all mails that were made of no template.
        constraints = [
            models.UniqueConstraint(
                fields=["public_id"],
                name="emails_public_id",
                opclasses=["varchar_pattern_ops"],
            )
        ]
        indexes = [
            models.Index(
                fields=["template_version"],
                name="emails_template_version",
                condition=Q(template_version__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def status(self) -> Status:
        """The state of the whole, derived from the recipients in one fixed order."""
        return derive(recipient.status for recipient in self.recipients.all())


class Attachment(models.Model):
    """A file that goes with an email."""

    class Disposition(models.TextChoices):
        """How a reader meets it (RFC 2183)."""

        ATTACHMENT = "attachment", "Attachment"
        INLINE = "inline", "Inline image"
        BODY = "body", "Body as it came"  # in place of all bodies and files: ours to send as it is

    email = models.ForeignKey(Email, on_delete=models.CASCADE, related_name="attachments")
    upload = models.ForeignKey(Upload, on_delete=models.PROTECT, related_name="attachments")
    name = models.CharField(max_length=255)
    content_type = models.CharField(max_length=255)
    content_id = models.CharField(max_length=255, blank=True)
    disposition = models.CharField(
        max_length=10, choices=Disposition.choices, default=Disposition.ATTACHMENT
    )

    class Meta:
        db_table = "attachments"
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name
