"""The starter templates that we ship: from files to templates of a project."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db import transaction

from accounts.models import Project
from emails.models import Template

FOLDER = Path(settings.BASE_DIR) / "templates" / "starters"


def load_starters(project: Project) -> list[Template]:
    """Give the project the starters that it does not have; return those that are new.

    A template that has the name of a starter stays as it is: what staff wrote is theirs.
    """
    folders = sorted(path for path in FOLDER.iterdir() if path.is_dir())
    return [new for folder in folders if (new := _load(project, folder))]


def _load(project: Project, folder: Path) -> Template | None:
    name = folder.name.replace("_", " ").capitalize()
    with transaction.atomic():
        template, is_new = Template.objects.get_or_create(project=project, name=name)
        if not is_new:
            return None
        template.add_version(
            subject=(folder / "subject.txt").read_text().rstrip("\n"),
            html_body=(folder / "body.html").read_text(),
            text_body=(folder / "body.txt").read_text(),
        )
    return template
