"""Files that callers gave us: rows about what the storage holds."""

from django.db import models
from django.utils import timezone

from accounts.models import Project


class Upload(models.Model):
    """One stored file. Never overwritten, never changed."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="uploads")
    name = models.CharField(
        max_length=255,
        unique=True,
        help_text="Name in the storage and in the URL: the stem, a random part, the extension.",
    )
    filename = models.CharField(max_length=255, help_text="Name that the caller gave.")
    content_type = models.CharField(max_length=255, help_text="By content, not by extension.")
    size = models.PositiveBigIntegerField(help_text="In bytes.")
    private = models.BooleanField(
        default=False, help_text="Attached in a request: never served at /uploads/."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "uploads"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name
