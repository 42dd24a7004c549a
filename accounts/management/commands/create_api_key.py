"""`create_api_key`: a key for a program, from the command line."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import ApiKey, Project

MAX_NAME = 100  # what the column holds


class Command(BaseCommand):
    """Prints the key alone on the last line, so that a script can read it with `tail -n 1`."""

    help = "Create an API key. The key is shown once: only its hash is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare --name and --project."""
        parser.add_argument("--name", required=True, help="What uses the key.")
        parser.add_argument("--project", default="default", help="Slug of the project.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Issue the key."""
        name = _checked_name(options["name"])
        project = _project(options["project"])
        api_key, secret = ApiKey.issue(project, name)
        self.stdout.write(f"API key {api_key.name!r} of project {project.slug!r}, shown once:")
        self.stdout.write(secret)


def _checked_name(name: str) -> str:
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise CommandError(f"--name must be one line of 1 to {MAX_NAME} characters.")
    return name


def _project(slug: str) -> Project:
    """Return the project; the default one is made when it is new."""
    project = Project.objects.filter(slug=slug).first()
    if project is None and slug == "default":
        project = Project.named("Default")
    if project is None:
        known = ", ".join(Project.objects.values_list("slug", flat=True)) or "none"
        raise CommandError(f"There is no project {slug!r}. Projects: {known}.")
    return project
