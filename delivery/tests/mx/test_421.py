"""421: the exchanger closes the connection, and says so; this mail waits, the next one does not."""

import pytest

from delivery.smtp.tests.scripted import drop, say
from delivery.tests.conftest import running
from delivery.tests.mx.events import data_of, make_mail, settled
from delivery.tests.waiting import everything_is_final, wait_until
from emails.models import EventType, Recipient, Status

pytestmark = pytest.mark.django_db(transaction=True)


def closing(peer):
    say("421 4.3.2 closing")(peer)
    drop(peer)


@pytest.mark.parametrize("step", ["greeting", "mail", "rcpt", "dot"])
def test_421_defers_and_is_told(world, step):
    server = world.exchanger("a.example").on(step, closing)
    make_mail("ann@a.example")
    with running(world.transport()):
        wait_until(settled)
    assert server.messages == []
    data = data_of(EventType.DEFER)
    assert (data["phase"], data["reply"]["code"]) == (step, 421)
    assert Recipient.objects.get().ambiguous is False


def sent_one_by_one(world, count):
    with running(world.transport()):
        for number in range(count):
            make_mail(f"p{number}@a.example")
            wait_until(settled)
    return dict(Recipient.objects.values_list("address", "status"))


@pytest.mark.parametrize("step", ["rcpt", "dot"])
def test_421_ends_the_connection_and_not_the_next_mail(world, step):
    server = world.exchanger("a.example").on(step, closing, nth=2)
    statuses = sent_one_by_one(world, 4)
    assert statuses.pop("p1@a.example") == Status.DEFERRED
    assert set(statuses.values()) == {Status.DELIVERED}
    assert server.connections == 2


def test_421_at_the_first_word_over_a_kept_connection_costs_nothing_but_that(world):
    server = world.exchanger("a.example").on("mail", closing, nth=2)
    assert set(sent_one_by_one(world, 4).values()) == {Status.DELIVERED}
    assert server.connections == 2


@pytest.mark.parametrize("said", ["421 4.3.2 not now", "554 5.3.2 no service", "450 4.3.2 busy"])
def test_greeting_that_refuses_moves_on_to_the_next_exchanger(world, said):
    first = world.exchanger("a.example", 10).on("greeting", say(said))
    second = world.exchanger("a.example", 20)
    make_mail("ann@a.example")
    with running(world.transport()):
        wait_until(everything_is_final)
    assert first.messages == []
    assert len(second.messages) == 1
    data = data_of(EventType.DELIVER)
    assert [(t["host"], t["phase"]) for t in data["tried"]] == [
        (f"mx2.a.example[127.0.0.2]:{world.port}", "greeting")
    ]
    assert data["route"] == ["mx2.a.example", "mx3.a.example"]


@pytest.mark.parametrize("step", ["mail", "rcpt", "dot"])
@pytest.mark.parametrize("said", [closing, say("451 4.3.0 not now")], ids=["421", "451"])
def test_exchanger_that_can_not_take_a_mail_now_leaves_it_to_the_next(world, step, said):
    first = world.exchanger("a.example", 10).on(step, said)
    second = world.exchanger("a.example", 20)
    make_mail("ann@a.example")
    with running(world.transport()):
        wait_until(everything_is_final)
    assert (first.messages, len(second.messages)) == ([], 1)
    [before] = data_of(EventType.DELIVER)["tried"]
    assert before["phase"] == step
    assert Recipient.objects.get().attempts == 1


def test_two_exchangers_are_asked_in_one_attempt_and_no_third(world):
    for preference in (10, 20, 30):
        world.exchanger("a.example", preference).on("rcpt", say("450 4.2.0 greylisted"))
    make_mail("ann@a.example")
    with running(world.transport()):
        wait_until(settled)
    data = data_of(EventType.DEFER)
    assert [data["phase"], *(one["phase"] for one in data["tried"])] == ["rcpt", "rcpt"]


@pytest.mark.parametrize("step", ["mail", "rcpt", "dot"])
def test_exchanger_that_fell_silent_with_a_mail_is_the_only_one(world, step):
    world.exchanger("a.example", 10).on(step, drop)
    second = world.exchanger("a.example", 20)
    make_mail("ann@a.example")
    with running(world.transport()):
        wait_until(settled)
    assert second.connections == 0
