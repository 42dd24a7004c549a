"""`manage.py doctor`: what is wrong with how mail leaves from here, and what to do about it."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.models import SendingDomain
from delivery.doctor import Examination, Verdict, examine, exit_status
from delivery.doctor.parts import database_answers
from delivery.domains.installation import fresh_resolver, this_installation
from delivery.domains.naming import BadName, sending_name
from delivery.smtp.reach import Reach

UNUSABLE = 3


class Command(BaseCommand):
    """Exit status: 0 all is well, 1 warnings (or unknown), 2 problems, 3 it can't examine."""

    help = "Examine DNS, addresses, ports, certificates, clock and queue, and say what to mend."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take what to look at."""
        parser.add_argument("--domain", default="", help="only this sending domain")
        parser.add_argument("--probe", default="", help="a domain whose mail server is called")
        parser.add_argument("--time-url", default="", help="a web server whose clock is right")
        parser.add_argument("--seconds", type=float, default=10.0, help="patience with a call")
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        """Examine, and end with the status."""
        verdicts = []
        for verdict in examine(_examination(options)):
            verdicts.append(verdict)
            if not options["json"]:
                self._write(verdict)
        status = exit_status(verdicts)
        if options["json"]:
            findings = [verdict.public() for verdict in verdicts]
            self.stdout.write(json.dumps({"status": status, "findings": findings}, indent=2))
        sys.exit(status)

    def _write(self, verdict: Verdict) -> None:
        styles = {
            "ok": self.style.SUCCESS,
            "unknown": self.style.NOTICE,
            "warning": self.style.WARNING,
            "problem": self.style.ERROR,
        }
        level = styles[verdict.level](f"{verdict.level:<8}")
        self.stdout.write(f"{level} {verdict.check:<16} {verdict.says}")
        if verdict.advice:
            self.stdout.write(f"{'':<25} → {verdict.advice}")


def _examination(options: dict[str, Any]) -> Examination:
    time_url = options["time_url"]
    if time_url and not time_url.startswith(("http://", "https://")):
        raise CommandError("--time-url: give a URL with http.", returncode=UNUSABLE)
    return Examination(
        installation=this_installation(),
        resolver=fresh_resolver(),
        transport=settings.MAIL_TRANSPORT,
        mx_port=settings.MX_PORT,
        reach=Reach(settings.PRIVATE_NETWORKS),
        cert_file=settings.TLS_CERT_FILE,
        key_file=settings.TLS_KEY_FILE,
        listens=bool(settings.INBOUND_LISTEN),
        domain=_known(options["domain"]) if options["domain"] else "",
        probe=_named("--probe", options["probe"]) if options["probe"] else "",
        time_url=time_url,
        seconds=options["seconds"],
    )


def _known(written: str) -> str:
    """Return the name of a sending domain. Raises CommandError."""
    name = _named("--domain", written)
    if database_answers() and not SendingDomain.objects.filter(name=name).exists():
        known = ", ".join(SendingDomain.objects.values_list("name", flat=True)[:10]) or "none"
        raise CommandError(
            f"{name} is no sending domain here (there are: {known}). Add it in the admin or by "
            "POST /api/domains.",
            returncode=UNUSABLE,
        )
    return name


def _named(option: str, written: str) -> str:
    try:
        return sending_name(written)
    except BadName as error:
        raise CommandError(f"{option}: {error}", returncode=UNUSABLE) from None
