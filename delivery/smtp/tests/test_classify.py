"""What a reply means for a recipient."""

from __future__ import annotations

import pytest

from delivery.smtp import OutcomeKind, Phase, Reply
from delivery.smtp.outcome import classify

D, B, OK = OutcomeKind.DEFERRED, OutcomeKind.BOUNCED, OutcomeKind.DELIVERED


@pytest.mark.parametrize(
    ("phase", "code", "enhanced", "expected"),
    [
        (Phase.DOT, 250, None, OK),
        (Phase.RCPT, 450, None, D),
        (Phase.RCPT, 550, None, B),
        (Phase.RCPT, 550, "5.1.1", B),
        (Phase.RCPT, 550, "4.2.2", D),  # the enhanced code is read first
        (Phase.RCPT, 450, "5.1.1", D),  # contradiction: a retry costs less than a wrong bounce
        (Phase.RCPT, 552, None, D),  # RFC 5321 §4.5.3.1.10
        (Phase.RCPT, 552, "5.2.2", D),
        (Phase.RCPT, 550, "5.5.3", D),  # too many recipients
        (Phase.MAIL, 552, "5.3.4", B),
        (Phase.DATA, 552, None, B),
        (Phase.DOT, 552, "5.3.4", B),
        (Phase.DOT, 554, "5.7.1", B),
        (Phase.DOT, 451, None, D),
        (Phase.MAIL, 550, "5.7.1", B),
        (Phase.MAIL, 530, "5.7.0", D),  # we did not log in, or not encrypt
        (Phase.RCPT, 530, None, B),
        (Phase.RCPT, 421, None, D),
        (Phase.GREETING, 554, "5.7.1", D),
        (Phase.EHLO, 550, None, D),
        (Phase.STARTTLS, 502, None, D),
        (Phase.AUTH, 535, "5.7.8", D),
    ],
)
def test_reply_means(phase: Phase, code: int, enhanced: str | None, expected: OutcomeKind) -> None:
    assert classify(Reply(code, enhanced, "any text, 5.1.1 4.0.0"), phase) is expected


@pytest.mark.parametrize("code", [530, 534, 535, 538])
def test_exchanger_that_wants_a_login_refuses_the_mail(code: int) -> None:
    reply = Reply(code, "5.7.0", "authentication required")
    assert classify(reply, Phase.MAIL, public=True) is B
    assert classify(reply, Phase.GREETING, public=True) is D
