"""Relay and mail exchangers side by side: which way, and which next where nobody talks."""

from ipaddress import ip_network

import pytest

from accounts.tests.factories import make_project
from delivery import metrics, routing
from delivery.models import Route
from delivery.routing import Routing
from delivery.smtp.dns import DnsError
from delivery.smtp.tests.scripted import ScriptedServer, drop, say, stall
from delivery.tests.conftest import running
from delivery.tests.mx.events import data_of, make_mail, settled
from delivery.tests.relays import die, host_of, transport_to
from delivery.tests.waiting import wait_until
from delivery.transports.capture import CaptureTransport
from delivery.transports.configured import configured_transport
from delivery.transports.routed import RoutedTransport
from emails.models import EventType, Recipient, Status
from tests.servers import free_port

pytestmark = pytest.mark.django_db(transaction=True)
GREYLISTED = "451 4.7.1 try again"


@pytest.fixture(autouse=True)
def _eager(monkeypatch):
    monkeypatch.setattr(routing, "READ_SECONDS", 0.02)


@pytest.fixture
def relay():
    with ScriptedServer() as server:
        yield server


@pytest.fixture
def exchanger(world):
    return world.exchanger("a.example")


def routed(world, relay, default="relay", **options):
    """Both ways; a relay that is None is not set up."""
    makers = {"mx": world.transport}
    if relay is not None:
        makers["relay"] = lambda: transport_to(relay, **options)
    return RoutedTransport(default, makers, Routing(default))


def route(way, domain="", position=10, project=None):
    return Route.objects.create(way=way, domain=domain, position=position, project=project)


def sent(transport, *addresses, project=None):
    """Send a mail to each, and wait for what becomes of it."""
    for address in addresses or ["ann@a.example"]:
        make_mail(address, **({"project": project} if project else {}))
    with running(transport):
        wait_until(settled)


def recipients_of(server):
    return sorted(address for message in server.messages for address in message.recipients)


def test_each_domain_goes_its_way(world, relay, exchanger):
    route("mx", "a.example")
    sent(routed(world, relay), "ann@a.example", "bob@b.example")
    assert recipients_of(exchanger) == ["ann@a.example"]
    assert recipients_of(relay) == ["bob@b.example"]


def test_each_project_goes_its_way(world, relay, exchanger):
    project = make_project()
    route("relay", project=project)
    transport = routed(world, relay, "mx")
    make_mail("other@a.example")
    sent(transport, "ann@a.example", project=project)
    assert recipients_of(relay) == ["ann@a.example"]
    assert recipients_of(exchanger) == ["other@a.example"]


def test_event_says_which_way(world, relay, exchanger):
    route("mx", ".example")
    sent(routed(world, relay))
    data = data_of(EventType.DELIVER)
    assert data["way"] == "mx"
    assert data["route"] == ["mx2.a.example"]
    assert "tried" not in data


def test_dead_relay_leads_to_the_exchanger_in_the_same_attempt(world, exchanger):
    port = free_port()
    route("relay,mx")
    sent(routed(world, port))
    assert recipients_of(exchanger) == ["ann@a.example"]
    data = data_of(EventType.DELIVER)
    assert (data["way"], data["attempt"]) == ("mx", 1)
    [failure] = data["tried"]
    assert (failure["way"], failure["host"]) == ("relay", f"127.0.0.1:{port}")
    assert "refused" in failure["detail"]


def test_dead_exchangers_lead_to_the_relay_in_the_same_attempt(world, relay):
    world.record("a.example", 10, "first.a.example", "127.0.0.200")
    world.record("a.example", 20, "second.a.example", "127.0.0.201")
    route("mx,relay", "a.example")
    sent(routed(world, relay, "mx"))
    assert recipients_of(relay) == ["ann@a.example"]
    data = data_of(EventType.DELIVER)
    assert (data["way"], data["host"]) == ("relay", host_of(relay))
    assert [failure["way"] for failure in data["tried"]] == ["mx", "mx"]
    assert "first.a.example" in data["tried"][0]["host"]


def test_name_servers_away_lead_to_the_relay(world, relay):
    world.dns.zone.fail("a.example")
    route("mx,relay")
    sent(routed(world, relay))
    [failure] = data_of(EventType.DELIVER)["tried"]
    assert (failure["way"], failure["phase"]) == ("mx", "lookup")


def test_domain_that_does_not_exist_bounces_and_goes_no_other_way(world, relay):
    route("mx,relay")
    sent(routed(world, relay), "ann@nowhere.example")
    assert data_of(EventType.BOUNCE)["way"] == "mx"
    assert relay.connections == 0


@pytest.mark.parametrize("step", ["mail", "rcpt", "data", "body", "dot"])
@pytest.mark.parametrize("action", [drop, say(GREYLISTED), say("421 4.3.2 not now")])
@pytest.mark.parametrize("way", ["relay,mx", "mx,relay"])
def test_mail_that_one_way_has_begun_to_take_goes_no_other(world, relay, way, step, action):
    exchanger = world.exchanger("a.example")
    route(way)
    first, second = (relay, exchanger) if way == "relay,mx" else (exchanger, relay)
    first.on(step, action)
    sent(routed(world, relay))
    data = data_of(EventType.DEFER)
    assert data["way"] == way.partition(",")[0]
    assert second.connections == 0


def test_refused_recipient_bounces_and_goes_no_other_way(world, relay, exchanger):
    route("relay,mx")
    relay.on("rcpt", say("550 5.1.1 no such user"))
    sent(routed(world, relay))
    assert data_of(EventType.BOUNCE)["way"] == "relay"
    assert exchanger.connections == 0


@pytest.mark.parametrize("step", ["greeting", "ehlo"])
def test_relay_that_will_not_talk_leads_to_the_exchanger(world, relay, exchanger, step):
    route("relay,mx")
    relay.on(step, say("421 4.3.2 not now"))
    sent(routed(world, relay))
    assert recipients_of(exchanger) == ["ann@a.example"]
    assert data_of(EventType.DELIVER)["tried"][0]["phase"] == step


def test_both_ways_down_defer_and_name_all_that_was_tried(world):
    port = free_port()
    world.record("a.example", 10, "mx.a.example", "127.0.0.200")
    route("relay,mx")
    sent(routed(world, port))
    data = data_of(EventType.DEFER)
    assert data["way"] == "mx"
    assert data["host"].startswith("mx.a.example[127.0.0.200]")
    assert [(failure["way"], failure["host"]) for failure in data["tried"]] == [
        ("relay", f"127.0.0.1:{port}")
    ]


def test_relay_left_alone_is_not_waited_for_where_there_is_another_way(world, relay, exchanger):
    route("relay,mx")
    die(relay)
    transport = routed(world, relay, first_pause=600, patience=600)
    for number in range(30):
        make_mail(f"n{number}@a.example")
    with running(transport):
        wait_until(settled)
        known = relay.connections
        for number in range(30):
            make_mail(f"m{number}@a.example")
        wait_until(settled)
    assert len(recipients_of(exchanger)) == 60
    assert relay.connections == known
    assert Recipient.objects.filter(status=Status.DELIVERED, attempts=1).count() == 60


def test_busy_relay_is_not_a_dead_one(world, relay, exchanger):
    route("relay,mx")
    with running(routed(world, relay, most=1, start=1)):
        for number in range(20):
            make_mail(f"n{number}@a.example")
        wait_until(settled)
    assert len(recipients_of(relay)) == 20
    assert exchanger.connections == 0


def test_route_to_a_relay_that_is_not_set_up_defers_and_says_so(world, exchanger):
    route("relay", "a.example")
    sent(routed(world, None, "mx"))
    data = data_of(EventType.DEFER)
    assert (data["way"], data["detail"]) == (
        "relay",
        "there is no relay: SMTP_RELAY_URL is not set",
    )
    assert exchanger.connections == 0


def test_relay_that_is_not_set_up_leads_to_the_second_way(world, exchanger):
    route("relay,mx")
    sent(routed(world, None, "mx"))
    data = data_of(EventType.DELIVER)
    assert (data["way"], data["tried"][0]["way"]) == ("mx", "relay")


def test_changed_route_holds_while_mail_flows(world, relay, exchanger):
    with running(routed(world, relay)):
        make_mail("first@a.example")
        wait_until(settled)
        route("mx", "a.example")
        wait_until(lambda: make_mail("next@a.example") and exchanger.messages)
        wait_until(settled)
    assert "first@a.example" in recipients_of(relay)


def test_way_is_made_when_a_route_first_names_it(world, relay):
    made = []
    makers = {"relay": lambda: transport_to(relay), "mx": world.transport}
    transport = RoutedTransport("relay", makers, Routing("relay"), made.append)
    transport.tidy()
    assert [each.name for each in made] == ["relay"]
    route("mx", "a.example")
    wait_until(lambda: transport.tidy() or len(made) == 2)
    assert made[1].name == "mx"


def test_connections_of_all_ways_are_counted_and_closed(world, relay, exchanger):
    route("mx", "a.example")
    transport = routed(world, relay)
    make_mail("ann@a.example")
    make_mail("bob@b.example")
    with running(transport):
        wait_until(settled)
        assert transport.connections() == 2
    assert transport.connections() == 0
    assert relay.saw("QUIT")
    assert exchanger.saw("QUIT")


@pytest.mark.parametrize("way", ["relay", "mx"])
def test_drain_cuts_what_waits_on_any_way(world, relay, exchanger, way):
    server = {"relay": relay, "mx": exchanger}[way]
    server.on("dot", lambda peer: peer.released.wait())
    route(way)
    make_mail("ann@a.example")
    with running(routed(world, relay)) as pump:
        server.wait_for("data")
        pump.drain(0.3)
    assert data_of(EventType.DEFER)["ambiguous"]


def test_nothing_leaves_with_capture(world, relay, exchanger, settings, tmp_path):
    settings.MAIL_TRANSPORT, settings.OUTBOX_ROOT = "capture", tmp_path
    settings.SMTP_RELAY_URL = [f"smtp://127.0.0.1:{relay.port}?tls=none"]
    route("relay", "a.example")
    transport = configured_transport()
    assert isinstance(transport, CaptureTransport)
    sent(transport)
    assert relay.connections == 0
    assert len(list(tmp_path.glob("*.eml"))) == 1


def test_settings_make_the_ways(world, relay, exchanger, settings):
    settings.MAIL_TRANSPORT = "relay"
    settings.SMTP_RELAY_URL = [f"smtp://127.0.0.1:{relay.port}?tls=none"]
    settings.DNS_SERVERS, settings.MX_PORT = [world.dns.address], world.port
    settings.PRIVATE_NETWORKS = [ip_network("127.0.0.0/8")]
    route("mx", "a.example")
    made = []
    sent(configured_transport(made=made.append), "ann@a.example", "bob@b.example")
    assert recipients_of(exchanger) == ["ann@a.example"]
    assert recipients_of(relay) == ["bob@b.example"]
    assert [each.name for each in made] == ["relay", "mx"]


def test_way_that_can_not_be_made_stops_no_other_mail(world, relay):
    def broken():
        raise DnsError("this system names no DNS servers")

    route("mx", "a.example")
    makers = {"relay": lambda: transport_to(relay), "mx": broken}
    sent(RoutedTransport("relay", makers, Routing("relay")), "ann@a.example", "bob@b.example")
    assert recipients_of(relay) == ["bob@b.example"]
    detail = data_of(EventType.DEFER)["detail"]
    assert detail == "mx can't be used: this system names no DNS servers"


def test_way_that_could_not_be_made_at_first_is_made_later(world, relay, exchanger):
    def made():
        troubles.append("no DNS servers")
        if len(troubles) < 3:
            raise DnsError("this system names no DNS servers")
        return world.transport()

    troubles = []
    route("mx", "a.example")
    transport = RoutedTransport(
        "relay", {"relay": lambda: transport_to(relay), "mx": made}, Routing("relay")
    )
    with running(transport):
        wait_until(lambda: len(troubles) == 3)
        make_mail("ann@a.example")
        wait_until(settled)
    assert recipients_of(exchanger) == ["ann@a.example"]


def test_relay_that_is_slow_leaves_room_for_the_other_way(world, relay, exchanger):
    relay.on("dot", stall)
    route("relay", "b.example")
    for number in range(50):
        make_mail(f"p{number}@b.example")
    with running(routed(world, relay, "mx", most=1), concurrency=8):
        wait_until(lambda: relay.connections)
        make_mail("ann@a.example")
        wait_until(lambda: exchanger.messages, 8)  # and not when the others' patience has ended


def test_attempts_are_counted_by_the_way_that_was_taken(world, relay, exchanger):
    def counted(way):
        return metrics.meter(way).outcomes[Status.DELIVERED]._value.get()

    before = counted("relay"), counted("mx")
    route("mx", "a.example")
    sent(routed(world, relay))
    assert (counted("relay"), counted("mx")) == (before[0], before[1] + 1)
