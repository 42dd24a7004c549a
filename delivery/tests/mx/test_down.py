"""Exchangers that are not there, and domains that have none."""

import pytest

from delivery.smtp.tests.factories import timeouts
from delivery.smtp.tests.scripted import drop, garbage, say, stall
from delivery.tests.conftest import running
from delivery.tests.mx.events import data_of, make_mail, settled
from delivery.tests.waiting import everything_is_final, wait_until
from emails.models import EmailEvent, EventType, Recipient, Status

pytestmark = pytest.mark.django_db(transaction=True)


def sent_to(world, address="ann@a.example", **options):
    make_mail(address)
    with running(world.transport(**options)):
        wait_until(settled)


@pytest.mark.parametrize(
    ("step", "action"),
    [("connect", drop), ("greeting", garbage), ("greeting", stall), ("ehlo", say("421 no"))],
)
def test_broken_first_exchanger_is_passed_over(world, step, action):
    world.exchanger("a.example", 10).on(step, action)
    second = world.exchanger("a.example", 20)
    sent_to(world, wait=timeouts(greeting=0.2))
    assert len(second.messages) == 1
    [failure] = data_of(EventType.DELIVER)["tried"]
    assert failure["host"].startswith("mx2.a.example[127.0.0.2]")


def test_first_exchanger_that_is_down_is_passed_over(world):
    world.record("a.example", 10, "down.a.example", world.address())
    second = world.exchanger("a.example", 20)
    sent_to(world)
    assert len(second.messages) == 1
    [failure] = data_of(EventType.DELIVER)["tried"]
    assert (failure["phase"], "refused" in failure["detail"]) == ("connect", True)


def test_every_exchanger_down_defers_and_names_them(world):
    for preference in (10, 20, 30):
        world.record("a.example", preference, f"mx{preference}.a.example", world.address())
    sent_to(world)
    data = data_of(EventType.DEFER)
    asked = [*(failure["host"] for failure in data["tried"]), data["host"]]
    assert asked == [
        f"mx{preference}.a.example[127.0.0.{last}]:{world.port}"
        for preference, last in ((10, 2), (20, 3), (30, 4))
    ]


def test_exchanger_that_is_down_is_left_alone_by_the_mails_that_follow(world):
    world.record("a.example", 10, "down.a.example", world.address())
    for _ in range(30):
        make_mail("ann@a.example")
    with running(world.transport()):
        wait_until(settled)
    details = [e.data["detail"] for e in EmailEvent.objects.filter(type=EventType.DEFER)]
    assert len(details) == 30
    assert sum("left alone" in detail and "refused" in detail for detail in details) >= 20


def test_two_sessions_that_came_to_nothing_are_enough_for_one_attempt(world):
    servers = [world.exchanger("a.example", 10 * n).on("ehlo", say("421 no")) for n in range(1, 4)]
    sent_to(world)
    assert [server.connections for server in servers] == [1, 1, 0]
    assert len(data_of(EventType.DEFER)["tried"]) == 1


def test_five_addresses_are_tried_in_one_attempt(world):
    for number in range(8):
        world.record("a.example", 10, f"mx{number}.a.example", world.address())
    sent_to(world)
    assert len(data_of(EventType.DEFER)["tried"]) == 4


def test_exchanger_with_one_address_of_two_takes_the_mail(world):
    server = world.exchanger("a.example", name="mx.a.example")
    world.dns.zone.add("mx.a.example", "A", world.address())
    for _ in range(3):
        make_mail("ann@a.example")
    with running(world.transport()):
        wait_until(everything_is_final)
    assert len(server.messages) == 3


def test_null_mx_bounces_at_once(world):
    world.record("a.example", 0, ".")
    sent_to(world)
    data = data_of(EventType.BOUNCE)
    assert (data["phase"], data["host"]) == ("lookup", "a.example")
    assert data["detail"].startswith("5.1.10 ")


def test_domain_that_does_not_exist_bounces_at_once(world):
    sent_to(world, "ann@nowhere.example")
    assert data_of(EventType.BOUNCE)["detail"].startswith("5.1.2 ")
    assert Recipient.objects.get().status == Status.BOUNCED


def test_dns_that_fails_defers_and_is_not_asked_for_each_mail(world):
    world.dns.zone.fail("a.example")
    for _ in range(20):
        make_mail("ann@a.example")
    with running(world.transport()):
        wait_until(settled)
    events = EmailEvent.objects.filter(type=EventType.DEFER)
    assert {event.data["detail"][:6] for event in events} == {"4.4.3 "}
    assert len([name for name, _ in world.dns.zone.asked if name == "a.example"]) < 10


def test_domain_without_mx_is_sent_to_its_own_address(world):
    server = world.exchanger("a.example")
    world.dns.zone.remove("a.example", "MX")
    world.dns.zone.add("a.example", "A", server.host)
    sent_to(world)
    assert len(server.messages) == 1
    assert data_of(EventType.DELIVER)["host"] == f"a.example[127.0.0.2]:{world.port}"


def test_exchanger_that_wants_a_login_bounces_the_mail(world):
    world.exchanger("a.example").on("mail", say("530 5.7.0 authentication required"))
    sent_to(world)
    assert data_of(EventType.BOUNCE)["reply"]["code"] == 530
