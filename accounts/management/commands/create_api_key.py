"""`create_api_key`: a key for a program, from the command line."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.management.projects import add_project_option, chosen_project
from accounts.models import ApiKey

MAX_NAME = 100  # what the column holds


class Command(BaseCommand):
    """Prints the key alone on the last line, so that a script can read it with `tail -n 1`."""

    help = "Create an API key. The key is shown once: only its hash is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare --name and --project."""
        parser.add_argument("--name", required=True, help="What uses the key.")
        add_project_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Issue the key."""
        name = _checked_name(options["name"])
        project = chosen_project(options["project"])
        api_key, secret = ApiKey.issue(project, name)
        self.stdout.write(f"API key {api_key.name!r} of project {project.slug!r}, shown once:")
        self.stdout.write(secret)


def _checked_name(name: str) -> str:
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise CommandError(f"--name must be one line of 1 to {MAX_NAME} characters.")
    return name
