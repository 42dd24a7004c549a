"""What is examined of the ways that mail leaves by, and whom the doctor calls by itself."""

from ipaddress import ip_network

import pytest

from accounts.tests.factories import make_domain
from delivery.doctor.tests.conftest import ADDRESS, DOMAIN, HELO, PROBE, doctor
from delivery.models import Route


@pytest.mark.parametrize("way", ["mx", "relay,mx", "mx,relay"])
def test_route_past_the_relay_needs_ptr_and_port_25(world, way):
    world.settings.MAIL_TRANSPORT = "relay"
    world.settings.SENDING_ADDRESSES = ["203.0.113.9"]  # the relay's
    world.arguments.clear()
    Route.objects.create(domain="big.example", way=way)
    found = {finding["check"]: finding for finding in doctor(world)[1]}
    assert (found["ptr"]["about"], found["ptr"]["level"]) == (ADDRESS, "ok")
    assert (found["port25"]["level"], "--probe" in found["port25"]["advice"]) == ("unknown", True)


def test_route_to_the_relay_needs_neither(world):
    world.settings.MAIL_TRANSPORT = "relay"
    world.arguments.clear()
    Route.objects.create(domain="big.example", way="relay")
    assert not {finding["check"] for finding in doctor(world)[1]} & {"ptr", "forward", "port25"}


def called_by_itself(world, networks=("127.0.0.0/8",)):
    """Return what is said of port 25 where nobody names a server: the domain's is on loopback."""
    world.arguments[:] = ["--seconds", "2"]
    world.settings.PRIVATE_NETWORKS = [ip_network(network) for network in networks]
    world.zone.add(DOMAIN, "MX", f"mx.{PROBE}", 10)
    [found] = [finding for finding in doctor(world)[1] if finding["check"] == "port25"]
    return found


def test_without_a_probe_it_calls_the_server_of_a_sending_domain(world):
    found = called_by_itself(world)
    assert (found["about"], found["level"]) == (DOMAIN, "ok")


def test_server_that_no_mail_goes_to_is_not_called(world):
    found = called_by_itself(world, networks=())
    assert (found["level"], "--probe" in found["advice"]) == ("unknown", True)


@pytest.mark.parametrize(
    "make_it_ours",
    [
        lambda world: world.replace(HELO, "A", "127.0.0.1"),
        lambda world: setattr(world.settings, "SENDING_ADDRESSES", ["127.0.0.1"]),
    ],
    ids=["HELO_NAME", "SENDING_ADDRESSES"],
)
def test_machine_that_reaches_itself_has_not_shown_that_port_25_is_open(world, make_it_ours):
    make_it_ours(world)
    found = called_by_itself(world)
    assert (found["level"], "--probe" in found["advice"]) == ("unknown", True)


def test_domain_whose_server_is_ours_leaves_the_call_to_another(world):
    first = make_domain(name="first.example")
    world.zone.add(first.name, "MX", HELO, 10)
    found = called_by_itself(world)
    assert (found["about"], found["level"]) == (DOMAIN, "ok")


def test_silent_dns_leaves_port_25_unknown(world):
    world.zone.fail(DOMAIN)
    found = called_by_itself(world)
    assert (found["about"], found["level"]) == (DOMAIN, "unknown")
