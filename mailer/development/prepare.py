"""The database, the first API key and the first staff user."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from django.core.management import call_command
from django.db import connections

from accounts.models import ApiKey, Project
from mailer.development.generated import write_private
from mailer.preparation import check_encryption_keys, has_staff, make_staff, migrate

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
    check_encryption_keys()
    access = Access(kept_api_key(var / KEY_FILE), new_staff(var / PASSWORD_FILE))
    call_command("load_starters", verbosity=0)
    connections.close_all()
    return access


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
    if has_staff(STAFF):
        return None
    password = secrets.token_urlsafe(12)
    write_private(file, password + "\n")
    make_staff(STAFF, password)
    return password
