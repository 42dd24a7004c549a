"""ALLOWED_HOSTS: what an operator names, and what health checks need."""

import os
import subprocess
import sys

import pytest

from mailer.development.programs import ROOT

SHOW = "from django.conf import settings; print(*settings.ALLOWED_HOSTS)"
LOCAL = ["localhost", "127.0.0.1", "[::1]"]


@pytest.mark.parametrize(
    ("value", "hosts"),
    [
        ("", ["mail.example.test"]),
        ("a.example.com, b.example.com", ["a.example.com", "b.example.com"]),
    ],
)
def test_named_hosts_replace_that_of_the_public_url_and_never_this_machine(
    value: str, hosts: list[str]
) -> None:
    environment = os.environ | {"ALLOWED_HOSTS": value, "DJANGO_SETTINGS_MODULE": "mailer.settings"}
    command = [sys.executable, "-c", SHOW]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == hosts + LOCAL
