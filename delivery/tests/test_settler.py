"""Outcomes that the database refuses."""

import pytest

from delivery import claim
from delivery.settler import Settler
from emails.models import EmailEvent, EventType, Status
from emails.tests.factories import make_email
from emails.transitions import Settlement

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.services
def test_outcome_is_recorded_without_what_cannot_be_stored():
    make_email()
    make_email()
    deliveries = claim.claim(2, 30)
    settler = Settler()
    settler.start()
    for delivery, said in zip(deliveries, ("\0", "250 OK"), strict=True):
        outcome = Settlement(
            delivery.recipient.recipient_id,
            delivery.lease.token,
            Status.DELIVERED,
            EventType.DELIVER,
            {"detail": said},
        )
        assert settler.settle(outcome)
    settler.stop(5)
    details = EmailEvent.objects.filter(type=EventType.DELIVER).values_list("data", flat=True)
    assert {detail.get("detail") for detail in details} == {None, "250 OK"}
