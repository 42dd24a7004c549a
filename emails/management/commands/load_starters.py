"""`load_starters`: the templates that we ship, as templates of a project."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from accounts.management.projects import add_project_option, chosen_project
from emails.starters import load_starters


class Command(BaseCommand):
    """Says which templates are new, one a line; repeating it changes nothing."""

    help = "Load the starter templates that the project does not have yet."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare --project."""
        add_project_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Load them."""
        for template in load_starters(chosen_project(options["project"])):
            if options["verbosity"]:
                self.stdout.write(f"template {template.name!r} loaded")
