"""The database, the first API key and the first staff user."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command, get_commands
from django.db import OperationalError, connections

from accounts.models import ApiKey, Project
from mailer.development.generated import write_private

STAFF = "staff"
KEY_FILE = "api-key"
PASSWORD_FILE = "staff-password"  # noqa: S105  a file's name


@dataclass(frozen=True, slots=True)
class Access:
    """How a newcomer gets in: the API key, and the staff password if it was made just now."""

    api_key: str
    new_password: str | None


def prepare(var: Path) -> Access:
    """Bring the database up to date and return what opens it; repeating changes nothing."""
    migrate()
    access = Access(kept_api_key(var / KEY_FILE), new_staff(var / PASSWORD_FILE))
    if "load_starters" in get_commands():
        call_command("load_starters", verbosity=0)
    connections.close_all()
    return access


def migrate() -> None:
    """Bring the tables up to date; raises ImproperlyConfigured when the database is away."""
    try:
        call_command("migrate", interactive=False, verbosity=0)
    except OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        raise ImproperlyConfigured(
            f"The database can't be used ({reason}). Look at DATABASE_URL; without it, a file "
            "below VAR is used."
        ) from None


def kept_api_key(file: Path) -> str:
    """Return the key in `file` if it still opens the door, else a new one, kept there."""
    kept = file.read_text().strip() if file.exists() else ""
    if kept and ApiKey.objects.matching(kept):
        return kept
    _, secret = ApiKey.issue(Project.named("Default"), "make run")
    write_private(file, secret + "\n")
    return secret


def new_staff(file: Path) -> str | None:
    """Return the password of a new superuser, kept in `file`, or None if there is one already."""
    users = get_user_model()._default_manager
    if users.filter(username=STAFF).exists():
        return None
    password = secrets.token_urlsafe(12)
    write_private(file, password + "\n")
    users.create_superuser(username=STAFF, email="staff@example.com", password=password)
    return password
