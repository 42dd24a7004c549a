"""Makes the domain of the mails, with the one RSA key that signs: `python -m benchmarks.domain`.

Beside an RSA key, an Ed25519 key would sign as well; no peer does so much.
"""

from os import environ

import django

environ["DJANGO_SETTINGS_MODULE"] = "mailer.settings"
django.setup()

from django.utils import timezone  # noqa: E402

from accounts.models import DkimKey, Project, SendingDomain  # noqa: E402
from benchmarks.mails import SENDER  # noqa: E402


def main() -> None:
    """Make it for the project whose key posts the mails."""
    domain = SendingDomain.objects.create(
        project=Project.objects.get(),
        name=SENDER.rpartition("@")[2],
        verified_at=timezone.now(),
    )
    DkimKey.generate(domain, DkimKey.Algorithm.RSA).activate()


if __name__ == "__main__":
    main()
