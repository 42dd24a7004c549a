"""What a refusal is answered by SMTP."""

from __future__ import annotations

import pytest
from django.db import InterfaceError, OperationalError

from accounts.errors import ApiError, InvalidRequest, Unavailable
from accounts.idempotency import StillRunning
from delivery.listeners.replies import refusal, reply, with_enhanced_code


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (InvalidRequest({"From": ["Write one."]}), "550 5.6.0 From: Write one."),
        (InvalidRequest({"a": ["b", "c"], "d": ["e"]}), "550 5.6.0 a: b c d: e"),
        (ApiError(422, "template_failed", "It failed."), "550 5.6.0 It failed."),
        (ApiError(403, "domain_not_owned", "Add it.", {"from_email": ["x"]}), "550 5.7.1 Add it."),
        (ApiError(413, "too_large", "Too large.", {"html_body": ["x"]}), "552 5.3.4 Too large."),
        (ApiError(429, "too_many_requests", "Later."), "451 4.5.0 Later."),
        (ApiError(400, "loop", "It goes in circles."), "554 5.4.6 It goes in circles."),
        (Unavailable("The database\nis away."), "451 4.3.0 The database is away."),
    ],
)
def test_error_of_the_api_is_a_reply(error: ApiError, answer: str) -> None:
    assert refusal(error) == answer


@pytest.mark.parametrize(
    "error", [OperationalError("secret"), InterfaceError("secret"), ValueError("secret")]
)
def test_trouble_of_ours_is_temporary_and_tells_nothing(error: Exception) -> None:
    assert refusal(error).startswith("451 4.3.0 ")
    assert "secret" not in refusal(error)


def test_twin_that_still_runs_is_temporary() -> None:
    assert refusal(StillRunning()).startswith("451 4.5.0 ")


def test_reply_is_one_short_line_of_ascii() -> None:
    said = reply("550 5.6.0", "größer\r\n250 OK\t€" + "x" * 1000)
    assert said.isascii()
    assert said.isprintable()
    assert len(said) + 2 <= 512


@pytest.mark.parametrize(
    ("answer", "with_code"),
    [
        ("250 OK", "250 2.0.0 OK"),
        ("250 mail.example.com", "250 mail.example.com"),  # to HELO: RFC 2034 §3
        ("220 mail.example.com ESMTP", "220 mail.example.com ESMTP"),
        ("354 go on", "354 go on"),
        ("334 VXNlcm5hbWU6", "334 VXNlcm5hbWU6"),
        ("503 Error: nested MAIL command", "503 5.5.1 Error: nested MAIL command"),
        ("555 unknown", "555 5.5.4 unknown"),
        ("451 4.3.0 later", "451 4.3.0 later"),
        ("500 5.5.2 lines end in CRLF", "500 5.5.2 lines end in CRLF"),
    ],
)
def test_every_refusal_has_an_enhanced_code(answer: str, with_code: str) -> None:
    assert with_enhanced_code(answer) == with_code
