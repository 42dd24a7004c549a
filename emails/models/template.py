"""Templates that staff write, and what each save made of them."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from accounts.models import Project


class Template(models.Model):
    """A named mail in the making; what it says stands in its versions."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="templates")
    name = models.CharField(max_length=100)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "templates"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="template_name_in_project")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def current(self) -> TemplateVersion | None:
        """The newest version: what an email accepted now keeps. None before the first save."""
        return self.versions.order_by("-number").first()

    def add_version(
        self, subject: str, html_body: str, text_body: str = "", created_by: Any = None
    ) -> TemplateVersion:
        """Save a new version, unless it says the same as the newest; return the newest."""
        with transaction.atomic():
            Template.objects.select_for_update().get(pk=self.pk)  # numbers follow one another
            last = self.current
            said = (subject, html_body, text_body)
            if last and (last.subject, last.html_body, last.text_body) == said:
                return last
            return TemplateVersion.objects.create(
                template=self,
                number=last.number + 1 if last else 1,
                subject=subject,
                html_body=html_body,
                text_body=text_body,
                created_by=created_by,
            )


class TemplateVersionQuerySet(models.QuerySet["TemplateVersion"]):
    """Versions, and those that count now."""

    def newest(self) -> TemplateVersionQuerySet:
        """Return of each template the version that an email accepted now keeps."""
        last = TemplateVersion.objects.filter(template=OuterRef("template")).order_by("-number")
        return self.filter(pk=Subquery(last.values("pk")[:1]))


class TemplateVersion(models.Model):
    """What a template said from one save to the next. Never changed, never deleted."""

    template = models.ForeignKey(Template, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    subject = models.TextField()
    html_body = models.TextField("HTML body")
    text_body = models.TextField(
        blank=True, help_text="Left empty, it is made from the HTML, links included."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    objects = TemplateVersionQuerySet.as_manager()

    class Meta:
        db_table = "template_versions"
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["template", "number"], name="version_of_template")
        ]

    def __str__(self) -> str:
        return f"{self.template} v{self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert; an email may already depend on what a saved version says."""
        if self.pk is not None:
            raise TypeError("A template version never changes. Add a new one.")
        super().save(*args, **kwargs)
