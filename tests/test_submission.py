"""A mail server killed while programs submit: each mail is accepted once, and leaves once."""

from __future__ import annotations

import smtplib
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.servers import free_port
from tests.system import System, wait_until

MAILS, CLIENTS, KILLS = 80, 4, 4
MAIL = (
    "From: shop@example.com\r\nTo: ann@example.org\r\nSubject: {number}\r\n"
    "Message-ID: <{number}@client.example>\r\nReceived: attempt {attempt}\r\n\r\nHi\r\n"
)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.services)])
def system(request, tmp_path):
    port = free_port()
    settings = {"SUBMISSION_LISTEN": f"127.0.0.1:{port}", "SUBMISSION_AUTH_IN_CLEAR": "true"}
    if request.param == "postgres":
        settings["DATABASE_URL"] = request.getfixturevalue("postgres").url
    with System(tmp_path / "var", **settings) as running:
        running.smtp_port = port
        yield running


def submit_until_accepted(system: System, number: int) -> int:
    """As a smarthost does: the same message again, until the answer is 250; how often that took."""
    ends = time.monotonic() + 90
    attempt = 1
    while time.monotonic() < ends:
        try:
            with smtplib.SMTP("127.0.0.1", system.smtp_port, timeout=20) as client:
                client.login("any", system.key)
                content = MAIL.format(number=number, attempt=attempt)
                client.sendmail("shop@example.com", ["ann@example.org"], content)
                return attempt
        except (OSError, smtplib.SMTPException):
            attempt += 1
            time.sleep(0.05)
    raise AssertionError(f"mail {number} was never accepted")


def emails(system: System) -> int:
    return system.query("SELECT count(*) FROM emails")[0][0]


def test_mail_server_that_is_killed_loses_nothing_and_doubles_nothing(system):
    system.start("mailserver", "manage", "mailserver")
    with ThreadPoolExecutor(CLIENTS) as clients:
        submitted = [clients.submit(submit_until_accepted, system, n) for n in range(MAILS)]
        for kill in range(1, KILLS + 1):
            wait_until(lambda kill=kill: emails(system) >= kill * MAILS // (KILLS + 2), 60)
            system.kill("mailserver")
            system.start("mailserver", "manage", "mailserver")
        attempts = [done.result() for done in submitted]
    assert sum(attempts) > MAILS  # somebody was interrupted
    assert emails(system) == MAILS
    system.start_worker()
    wait_until(lambda: system.statuses() == {"delivered": MAILS}, 60)
    assert max(Counter(system.captured()).values()) == 1
    assert len(system.captured()) == MAILS
