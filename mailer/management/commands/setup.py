"""`setup`: what production needs before anything serves; run it at every start and upgrade."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import BaseCommand

from mailer import environment
from mailer.preparation import (
    check_encryption_keys,
    make_bucket,
    make_staff,
    migrate,
    wait_for_database,
)

WAIT_SECONDS = 60.0


class Command(BaseCommand):
    """Repeating it changes nothing; it ends with one sentence when something is wrong."""

    help = (
        "Migrate, make the bucket, the default project with its starter templates, and the user "
        "STAFF_USERNAME with STAFF_PASSWORD (an existing user stays as it is)."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, in the order in which one step needs another."""
        username, password = staff_wanted()
        wait_for_database(WAIT_SECONDS)
        migrate()
        self.stdout.write("the database is up to date")
        check_encryption_keys()
        if make_bucket():
            self.stdout.write(f"bucket {settings.S3_BUCKET!r} made")
        call_command("load_starters", stdout=self.stdout)
        if username and make_staff(username, password):
            self.stdout.write(f"staff user {username!r} made")
        self.stdout.write("ready")


def staff_wanted() -> tuple[str, str]:
    """Return name and password, both empty where none is named; raises ImproperlyConfigured."""
    username = environment.text("STAFF_USERNAME", "Name the staff user.", default="")
    password = environment.text("STAFF_PASSWORD", "Give the staff user's password.", default="")
    if username and not password:
        raise ImproperlyConfigured(
            "STAFF_PASSWORD is not set. Give the staff user a password, or leave STAFF_USERNAME "
            "out too."
        )
    return username, password
