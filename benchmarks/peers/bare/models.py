"""Rows like ours: an email, its recipient, and what a reader did."""

from django.db import models
from django.utils import timezone


class Email(models.Model):
    """Wide."""

    created_at = models.DateTimeField(default=timezone.now)
    from_email = models.EmailField()
    from_name = models.CharField(max_length=255)
    subject = models.TextField()
    html_body = models.TextField()
    text_body = models.TextField()

    class Meta:
        db_table = "bare_emails"


class Recipient(models.Model):
    """Narrow."""

    email = models.ForeignKey(Email, on_delete=models.CASCADE, related_name="recipients")
    address = models.EmailField()
    name = models.CharField(max_length=255)
    status = models.CharField(max_length=10, default="queued")
    next_attempt_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "bare_recipients"


class Hit(models.Model):
    """An open or a click."""

    recipient = models.BigIntegerField()
    timestamp = models.DateTimeField(default=timezone.now)
    user_agent = models.CharField(max_length=500)
    ip = models.CharField(max_length=45)

    class Meta:
        db_table = "bare_hits"
