"""POST /api/emails/cancel: 200 only if the mail will certainly not be sent."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.tests.factories import make_client, make_project
from emails.addresses import Address
from emails.models import EmailEvent, EventType, Recipient, Status
from emails.suppressing import suppress
from emails.tests.factories import make_email
from emails.transitions import claim

pytestmark = pytest.mark.django_db


def cancel(project, public_id):
    return make_client(project).post("/api/emails/cancel", {"email_id": public_id}, format="json")


def scheduled_email(project, **values):
    return make_email(project, scheduled_at=timezone.now() + timedelta(hours=1), **values)


def test_scheduled_email_is_cancelled_for_all_recipients():
    project = make_project()
    email = scheduled_email(project, cc=(Address("bob@example.org"),))
    answer = cancel(project, email.public_id)
    assert answer.status_code == 200
    assert answer.json() == {"success": True, "message": "Scheduled email cancelled"}
    assert {r.status for r in email.recipients.all()} == {Status.CANCELLED}
    assert EmailEvent.objects.filter(type=EventType.CANCEL).count() == 2


def test_cancelled_email_is_never_claimed():
    project = make_project()
    email = make_email(project)
    assert cancel(project, email.public_id).status_code == 200
    assert claim(10, 60)[1] == []


@pytest.mark.parametrize("status", [Status.SENDING, Status.DELIVERED, Status.BOUNCED])
def test_email_that_left_for_one_recipient_is_cancelled_for_none(status):
    project = make_project()
    email = scheduled_email(project, cc=(Address("bob@example.org"),))
    Recipient.objects.filter(address="bob@example.org").update(status=status)
    answer = cancel(project, email.public_id)
    assert answer.status_code == 409
    error = answer.json()["error"]
    assert (error["code"], error["state"]) == ("too_late", email.status)
    assert email.recipients.get(address="ann@example.org").status == Status.SCHEDULED


def test_email_with_a_suppressed_recipient_is_cancelled_for_the_others():
    project = make_project()
    suppress(project.pk, "bob@example.org", "bounce")
    email = scheduled_email(project, cc=(Address("bob@example.org"),))
    assert cancel(project, email.public_id).status_code == 200
    assert {r.address: r.status for r in email.recipients.all()} == {
        "ann@example.org": Status.CANCELLED,
        "bob@example.org": Status.SUPPRESSED,
    }
    assert email.status == Status.CANCELLED
    [event] = EmailEvent.objects.filter(type=EventType.CANCEL)
    assert event.recipient.address == "ann@example.org"
    assert cancel(project, email.public_id).json()["error"]["code"] == "already_cancelled"


def test_email_of_suppressed_recipients_alone_can_not_be_cancelled():
    project = make_project()
    suppress(project.pk, "ann@example.org", "bounce")
    answer = cancel(project, scheduled_email(project).public_id)
    assert answer.status_code == 409
    assert answer.json()["error"]["state"] == "suppressed"


def test_suppressed_recipient_that_an_attempt_may_have_reached_keeps_the_email_from_it():
    project = make_project()
    email = scheduled_email(project, cc=(Address("bob@example.org"),))
    bob = email.recipients.filter(address="bob@example.org")
    bob.update(status=Status.SUPPRESSED, ambiguous=True)
    assert cancel(project, email.public_id).status_code == 409


def test_deferred_email_can_be_cancelled_unless_an_attempt_may_have_delivered_it():
    project = make_project()
    plain, ambiguous = make_email(project), make_email(project)
    Recipient.objects.update(status=Status.DEFERRED)
    ambiguous.recipients.update(ambiguous=True)
    assert cancel(project, plain.public_id).status_code == 200
    assert cancel(project, ambiguous.public_id).status_code == 409


def test_cancelling_twice_says_so():
    project = make_project()
    email = scheduled_email(project)
    cancel(project, email.public_id)
    answer = cancel(project, email.public_id)
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "already_cancelled"
    assert answer.json()["error"]["state"] == "cancelled"


def test_stranger_gets_404():
    email = scheduled_email(make_project())
    assert cancel(make_project(), email.public_id).status_code == 404
    assert email.recipients.get().status == Status.SCHEDULED


def test_unknown_id_gets_404():
    assert cancel(make_project(), "msg_unknown").status_code == 404


def test_missing_id_is_named():
    answer = make_client().post("/api/emails/cancel", {}, format="json")
    assert answer.status_code == 400
    assert list(answer.json()["error"]["fields"]) == ["email_id"]
