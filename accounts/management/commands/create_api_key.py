"""`create_api_key`: a key for a program, from the command line."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import ApiKey, Project


class Command(BaseCommand):
    """Prints the key alone on the last line, so that a script can read it with `tail -n 1`."""

    help = "Create an API key. The key is shown once: only its hash is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare --name and --project."""
        parser.add_argument("--name", required=True, help="What uses the key.")
        parser.add_argument("--project", default="default", help="Slug of the project.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Issue the key."""
        slug = options["project"]
        project = Project.objects.filter(slug=slug).first()
        if project is None and slug == "default":
            project = Project.named("Default")
        if project is None:
            known = ", ".join(Project.objects.values_list("slug", flat=True)) or "none"
            raise CommandError(f"There is no project {slug!r}. Projects: {known}.")
        api_key, secret = ApiKey.issue(project, options["name"])
        self.stdout.write(f"API key {api_key.name!r} of project {project.slug!r}, shown once:")
        self.stdout.write(secret)
