"""What arrives at a mail exchanger, and what one can't take."""

import email
import email.policy

import pytest

from delivery.smtp.tests.scripted import CHUNKED
from delivery.tests.conftest import running
from delivery.tests.mx.events import data_of, make_mail, settled
from delivery.tests.waiting import wait_until
from emails.models import EventType, Recipient, Status

pytestmark = pytest.mark.django_db(transaction=True)
PLAIN = ("PIPELINING", "ENHANCEDSTATUSCODES")
DATA = ("PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")


def sent(world, address="ann@a.example", **values):
    make_mail(address, track_opens=False, track_clicks=False, **values)
    with running(world.transport()):
        wait_until(settled)


def text_of(message):
    parsed = email.message_from_bytes(message.data, policy=email.policy.default)
    return parsed.get_body(("plain",)).get_content().replace("\r\n", "\n")


@pytest.mark.parametrize("extensions", [DATA, CHUNKED])
def test_dots_arrive_as_they_were_written(world, extensions):
    text = ".\n..\n.hidden\n...\na.\n.\n\n.\n"
    server = world.exchanger("a.example", extensions=extensions)
    sent(world, html_body="", text_body=text)
    [message] = server.messages
    assert text_of(message) == text
    assert b"\r\n..hidden\r\n" in message.wire  # stuffed on the wire (RFC 5321 §4.5.2)
    assert b"\r\n.\r\n" not in message.wire
    assert not server.seen("BDAT")


@pytest.mark.parametrize("extensions", [DATA, PLAIN])
def test_lines_over_998_arrive_whole_and_are_none_on_the_wire(world, extensions):
    text = "x" * 5000 + " " + "ü" * 3000 + "\n"
    server = world.exchanger("a.example", extensions=extensions)
    sent(world, html_body="<p>" + "y" * 4000 + "</p>", text_body=text)
    [message] = server.messages
    assert max(map(len, message.wire.split(b"\r\n"))) <= 998
    assert text_of(message) == text


def test_peer_without_8bitmime_gets_seven_bits(world):
    server = world.exchanger("a.example", extensions=PLAIN)
    sent(world, subject="Grüße", text_body="Schöne Grüße\n")
    [message] = server.messages
    assert message.data.isascii()
    assert not any("BODY=" in parameter for parameter in message.parameters)
    assert text_of(message) == "Schöne Grüße\n"


def make_for(address):
    """The API may refuse such an address; the way out must not mangle it."""
    make_mail("ann@a.example")
    Recipient.objects.update(address=address)


def test_peer_without_smtputf8_bounces_a_non_ascii_local_part(world):
    server = world.exchanger("a.example", extensions=PLAIN)
    make_for("jörg@a.example")
    with running(world.transport()):
        wait_until(settled)
    assert server.messages == []
    assert not server.seen("RCPT")
    data = data_of(EventType.BOUNCE)
    assert data["detail"].startswith("5.6.7 ")
    assert data["host"].startswith("mx2.a.example")


def test_peer_with_smtputf8_gets_a_non_ascii_local_part(world):
    server = world.exchanger("a.example")
    make_for("jörg@a.example")
    with running(world.transport()):
        wait_until(settled)
    [message] = server.messages
    assert message.recipients == ["jörg@a.example"]
    assert "SMTPUTF8" in message.parameters


@pytest.mark.parametrize("domain", ["bücher.example", "BÜCHER.example", "xn--bcher-kva.example"])
def test_international_domain_is_looked_up_and_written_in_a_labels(world, domain):
    server = world.exchanger("xn--bcher-kva.example")
    make_for(f"ann@{domain}")
    with running(world.transport()):
        wait_until(settled)
    [message] = server.messages
    assert message.recipients == ["ann@xn--bcher-kva.example"]
    assert data_of(EventType.DELIVER)["host"].startswith("mx2.xn--bcher-kva.example[")


def test_address_literal_is_delivered_to_its_address(world):
    server = world.exchanger("a.example")
    make_for(f"ann@[{server.host}]")
    with running(world.transport()):
        wait_until(settled)
    [message] = server.messages
    assert message.recipients == [f"ann@[{server.host}]"]
    assert data_of(EventType.DELIVER)["host"] == f"{server.host}:{world.port}"
    assert Recipient.objects.get().status == Status.DELIVERED
