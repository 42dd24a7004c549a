"""`reencrypt_keys`: after a new key was put first in ENCRYPTION_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.encryption import Undecryptable
from accounts.models import DkimKey


class Command(BaseCommand):
    """Repeating it does no harm. It goes on after a key that can't be read, and fails then."""

    help = "Encrypt every private key anew by the first of ENCRYPTION_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it a key at a time: mail is signed all the while."""
        unread = []
        keys = DkimKey.objects.exclude(private_key="").select_related("domain").order_by("pk")
        for key in keys:
            try:
                key.reencrypt()
            except Undecryptable as error:
                unread.append(key)
                self.stderr.write(f"{key}: {error}")
        done = len(keys) - len(unread)
        self.stdout.write(f"{done} of {len(keys)} keys are encrypted by the first key of the list")
        if unread:
            raise CommandError("Remove no key from ENCRYPTION_KEYS while one can't be read.")
        self.stdout.write("the other keys of ENCRYPTION_KEYS are not needed any more")
