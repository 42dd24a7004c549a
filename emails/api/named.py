"""What emails name: templates and uploads, looked up once for all that came in a request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from rest_framework.exceptions import ValidationError

from accounts.models import Project
from emails.api.serializers import MAX_ATTACHMENTS, EmailRequest
from emails.models import TemplateVersion
from uploads.models import Upload


class Named:
    """The templates and uploads of `project` that requests name, which may be malformed still.

    A query for the templates and one for the uploads, however many emails there are.
    """

    def __init__(self, project: Project, bodies: Sequence[Any]) -> None:
        self.project = project
        emails = [body for body in bodies if isinstance(body, dict)]
        self._versions = self._found({*_template_ids(emails)})
        self._uploads = Upload.objects.named(project, {*_references(emails)})

    def version(self, template_id: int) -> TemplateVersion | None:
        """Return the version that an email accepted now keeps, None for no template of theirs."""
        return self._versions.get(template_id)

    def upload(self, reference: str) -> Upload | None:
        """Return the public upload that a URL or name means, None for none of theirs."""
        return self._uploads.get(reference)

    def _found(self, ids: set[int]) -> dict[int, TemplateVersion]:
        if not ids:
            return {}
        versions = TemplateVersion.objects.newest().filter(template__project=self.project)
        return {version.template_id: version for version in versions.filter(template__in=ids)}


def _template_ids(emails: Sequence[dict[str, Any]]) -> Iterator[int]:
    field = EmailRequest().fields["template_id"]
    for email in emails:
        if email.get("template_id") is not None:
            try:
                yield field.run_validation(email["template_id"])
            except ValidationError:
                continue  # named as a fault when the email is validated


def _references(emails: Sequence[dict[str, Any]]) -> Iterator[str]:
    for email in emails:
        items = email.get("attachments")
        for item in islice(items, MAX_ATTACHMENTS) if isinstance(items, list) else ():
            if isinstance(item, dict) and "content" not in item:
                yield from (
                    item[name] for name in ("url", "filename") if isinstance(item.get(name), str)
                )
