"""What is counted at the door in, and of the bells."""

import pytest
from celery import current_app
from prometheus_client import REGISTRY

from accounts.errors import ApiError
from emails.accept import accept
from emails.addresses import Address
from emails.doorbell import Doorbell
from emails.tests.factories import make_email, make_submission


def sample(name, **labels):
    return REGISTRY.get_sample_value(name, labels)


@pytest.mark.django_db(transaction=True)
def test_email_counts_once_and_each_of_its_recipients():
    emails, recipients = (sample(name) for name in ACCEPTED)
    make_email(cc=(Address("bob@example.org"), Address("eve@example.org")))
    assert [sample(name) for name in ACCEPTED] == [emails + 1, recipients + 3]


ACCEPTED = ("mailer_emails_accepted_total", "mailer_recipients_accepted_total")


@pytest.mark.django_db(transaction=True)
def test_refused_email_is_not_counted(settings):
    before = [sample(name) for name in ACCEPTED]
    settings.MAX_RECIPIENTS = 1
    with pytest.raises(ApiError):
        accept(make_submission(cc=(Address("bob@example.org"),)))
    assert [sample(name) for name in ACCEPTED] == before


@pytest.mark.parametrize("result", ["published", "lost"])
def test_bell_counts_as_published_or_lost(monkeypatch, result):
    def publish(*args, **options):
        if result == "lost":
            raise ConnectionRefusedError

    monkeypatch.setattr(current_app._get_current_object(), "send_task", publish)
    before = {kind: sample("mailer_bells_total", result=kind) for kind in ("published", "lost")}
    doorbell = Doorbell()
    doorbell._wanted.set()
    doorbell.flush()
    after = {kind: sample("mailer_bells_total", result=kind) for kind in before}
    assert after == before | {result: before[result] + 1}
