"""The option `--project`, for every command that works on one project."""

from argparse import ArgumentParser

from django.core.management.base import CommandError

from accounts.models import Project

DEFAULT = "default"


def add_project_option(parser: ArgumentParser) -> None:
    """Declare --project."""
    parser.add_argument("--project", default=DEFAULT, help="Slug of the project.")


def chosen_project(slug: str) -> Project:
    """Return the project; the default one is made if it is new. Raises CommandError."""
    project = Project.objects.filter(slug=slug).first()
    if project is None and slug == DEFAULT:
        project = Project.named("Default")
    if project is None:
        known = ", ".join(Project.objects.values_list("slug", flat=True)) or "none"
        raise CommandError(f"There is no project {slug!r}. Projects: {known}.")
    return project
