"""`reencrypt_keys`: after a new key was put first in ENCRYPTION_KEYS."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.encryption import Undecryptable
from accounts.models import DkimKey


class Command(BaseCommand):
    """Repeating it does no harm. It goes on after a key that can't be read, and fails then."""

    help = "Encrypt every private DKIM key anew by the first of ENCRYPTION_KEYS."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare --retire-unreadable."""
        parser.add_argument(
            "--retire-unreadable",
            action="store_true",
            help="Give up the keys whose encryption key is lost: they never sign again.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it a key at a time: mail is signed all the while."""
        keys = DkimKey.objects.with_private_part().select_related("domain").order_by("pk")
        unread = [key for key in keys if not self._reencrypted(key)]
        done = len(keys) - len(unread)
        self.stdout.write(f"{done} of {len(keys)} keys are encrypted by the first key of the list")
        if unread and options["retire_unreadable"]:
            self._retire(unread)
        elif unread:
            raise CommandError(
                "Put the missing key back into ENCRYPTION_KEYS. Only if it is lost for ever, give "
                "these DKIM keys up by --retire-unreadable, and make new ones for their domains."
            )
        self.stdout.write("the other keys of ENCRYPTION_KEYS are not needed any more")

    def _reencrypted(self, key: DkimKey) -> bool:
        try:
            key.reencrypt()
        except Undecryptable as error:
            self.stderr.write(f"{key}: {error}")
            return False
        return True

    def _retire(self, keys: list[DkimKey]) -> None:
        for key in keys:
            key.retire()
            self.stdout.write(f"{key} is retired; {key.domain} needs a new one")
