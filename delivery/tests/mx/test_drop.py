"""A connection that breaks on the way to a mail exchanger."""

import pytest

from delivery.smtp.tests.scripted import drop
from delivery.tests.conftest import running
from delivery.tests.mx.events import data_of, make_mail, settled
from delivery.tests.waiting import everything_is_final, wait_until
from emails.models import EventType, Recipient, Status

pytestmark = pytest.mark.django_db(transaction=True)


def test_mail_goes_to_the_exchanger_of_its_domain(world):
    server = world.exchanger("a.example")
    make_mail("ann@a.example")
    with running(world.transport()):
        wait_until(everything_is_final)
    [message] = server.messages
    assert message.recipients == ["ann@a.example"]
    data = data_of(EventType.DELIVER)
    assert data["host"] == f"mx2.a.example[127.0.0.2]:{world.port}"
    assert data["route"] == ["mx2.a.example"]


def test_disconnect_in_data_defers_and_is_not_ambiguous(world):
    server = world.exchanger("a.example").on("data", drop)
    make_mail("ann@a.example")
    with running(world.transport()):
        wait_until(settled)
    assert server.messages == []
    data = data_of(EventType.DEFER)
    assert data["phase"] == "data"
    assert "ambiguous" not in data
    assert Recipient.objects.get().status == Status.DEFERRED


def test_disconnect_after_an_accepted_mail_leaves_the_next_unharmed(world):
    def accept_and_leave(peer):
        peer.say("250 2.0.0 accepted")
        drop(peer)

    server = world.exchanger("a.example").on("dot", accept_and_leave, nth=1)
    for _ in range(5):
        make_mail("ann@a.example")
    with running(world.transport()):
        wait_until(everything_is_final)
    assert len(server.messages) == 5
    assert set(Recipient.objects.values_list("status", "attempts", "ambiguous")) == {
        (Status.DELIVERED, 1, False)
    }
