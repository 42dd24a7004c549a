"""`make outage` says which promise is broken, and that none is."""

import pytest

from tests.outage import Phase, broken

MAILS = [f"msg_{number}" for number in range(100)]
DELIVERED = dict.fromkeys(MAILS, 101.0)


def phase(*, took=0.01, status=202):
    return Phase("one", [(status, took)] * len(MAILS), dict.fromkeys(MAILS, 100.0))


def phases(during):
    return [phase(), during, phase()]


def test_nothing_is_broken():
    assert broken(phases(phase(took=0.25)), DELIVERED, heard=59) == []


@pytest.mark.parametrize(
    ("during", "delivered", "heard", "says"),
    [
        (phase(status=503), DELIVERED, 2, "100 requests were not accepted"),
        (phase(status=0), DELIVERED, 2, "100 requests were not accepted"),
        (phase(took=0.27), DELIVERED, 2, "p99 was 260 ms slower"),
        (phase(), DELIVERED | {"msg_7": 110.5}, 2, "a mail waited 10.5 s"),
        (phase(), DELIVERED, 61, "not every worker heard bells after 60 s"),
    ],
)
def test_what_is_broken_is_said(during, delivered, heard, says):
    assert broken(phases(during), delivered, heard) == [says]


def test_mail_that_is_not_delivered_is_missed():
    delivered = {mail: at for mail, at in DELIVERED.items() if mail != "msg_7"}
    assert broken(phases(phase()), delivered, heard=2) == ["3 accepted mails were not delivered"]
