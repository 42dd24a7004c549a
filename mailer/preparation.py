"""What must be there before anything serves: tables, a bucket, a project with templates, staff.

`make run` and `manage.py setup` are built of these steps; repeating one changes nothing.
"""

from __future__ import annotations

import logging
import time

from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.files.storage import storages
from django.core.management import call_command
from django.db import OperationalError, connection

from accounts.encryption import Undecryptable, decrypt
from accounts.models import DkimKey
from uploads.s3 import S3Storage

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 0.25


def wait_for_database(seconds: float) -> None:
    """Return once the database takes connections; raises ImproperlyConfigured after `seconds`."""
    ends = time.monotonic() + seconds
    if _connection_error():
        logger.info("waiting for the database")
    while error := _connection_error():
        if time.monotonic() + PAUSE_SECONDS > ends:
            raise _database_away(error)
        time.sleep(PAUSE_SECONDS)


def _connection_error() -> OperationalError | None:
    try:
        connection.ensure_connection()
    except OperationalError as error:
        return error
    return None


def migrate() -> None:
    """Bring the tables up to date; raises ImproperlyConfigured when the database is away."""
    try:
        call_command("migrate", interactive=False, verbosity=0)
    except OperationalError as error:
        raise _database_away(error) from None


def _database_away(error: OperationalError) -> ImproperlyConfigured:
    reason = str(error).strip().splitlines()[0]
    return ImproperlyConfigured(
        f"The database can't be used ({reason}). Look at DATABASE_URL; without it, a file "
        "below VAR is used."
    )


def check_encryption_keys() -> None:
    """Raise ImproperlyConfigured where what the database keeps encrypted can't be read."""
    unread = sum(map(_is_unreadable, DkimKey.objects.with_private_part()))
    if unread:
        raise ImproperlyConfigured(
            f"ENCRYPTION_KEYS lacks a key: {unread} private DKIM key(s) of the database can't be "
            "read. Put it back into the list, at its end; if it is lost for ever, run "
            "`manage.py reencrypt_keys --retire-unreadable`."
        )


def _is_unreadable(key: DkimKey) -> bool:
    try:
        decrypt(key.private_key)
    except Undecryptable:
        return True
    return False


def make_bucket() -> bool:
    """Make the bucket of uploads where files are kept in S3; tell whether it is new.

    Raises ImproperlyConfigured when the store is away or refuses.
    """
    store = storages["default"]
    if not isinstance(store, S3Storage):
        return False
    try:
        return store.make_bucket()
    except OSError as error:
        raise ImproperlyConfigured(
            f"The bucket can't be used ({error}). Look at S3_BUCKET, S3_ENDPOINT_URL and the "
            "AWS_* variables."
        ) from None


def has_staff(username: str) -> bool:
    """Tell whether there is such a user, whatever they may do."""
    return get_user_model()._default_manager.filter(username=username).exists()


def make_staff(username: str, password: str) -> bool:
    """Make a superuser unless there is a user of that name; tell whether it is new.

    Nobody's password is ever changed. Raises ImproperlyConfigured when it is too weak.
    """
    if has_staff(username):
        return False
    users = get_user_model()
    try:
        validate_password(password, users(username=username))
    except ValidationError as error:
        raise ImproperlyConfigured(
            f"The password of {username!r} is too weak: {' '.join(error.messages)}"
        ) from None
    users._default_manager.create_superuser(username, email="", password=password)
    return True
