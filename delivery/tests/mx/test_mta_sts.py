"""Mail to a domain with an MTA-STS policy: fetched by HTTPS, and then held to (RFC 8461 §5)."""

import pytest

from delivery.fetching import Fetcher
from delivery.smtp.dns import Resolver
from delivery.smtp.tests.certificates import make_certificate
from delivery.sts import StsPolicies
from delivery.tests.conftest import running
from delivery.tests.https_server import HttpsServer, reply
from delivery.tests.mx.conftest import LOOPBACK
from delivery.tests.mx.events import data_of, make_mail, settled
from delivery.tests.waiting import wait_until
from emails.models import EventType

pytestmark = pytest.mark.django_db(transaction=True)
NAMES = ["mta-sts.a.example", "mx.a.example"]
POLICY = "version: STSv1\nmode: {}\nmx: {}\nmax_age: 86400\n"


@pytest.fixture
def good(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("good"), names=NAMES)


@pytest.fixture
def bad(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("bad"), names=["mx.other.example"])


@pytest.fixture
def https(world, good):
    world.dns.zone.add("_mta-sts.a.example", "TXT", "v=STSv1; id=1;")
    world.dns.zone.add("mta-sts.a.example", "A", "127.0.0.1")
    with HttpsServer(good) as server:
        yield server


def promise(https, mode="enforce", mx="mx.a.example"):
    https.answer = reply(POLICY.format(mode, mx).encode())


def sent(world, https, certificate):
    """Send a mail as a worker does whose system trusts the certificate."""
    make_mail("ann@a.example")
    resolver = Resolver([world.dns.address], seconds=1)
    trusted = certificate.chain
    fetcher = Fetcher(resolver, LOOPBACK, port=https.port, ca_file=trusted)
    policies = StsPolicies(resolver, fetcher)
    with running(world.transport(sts=policies.policy_for, ca_file=trusted)):
        wait_until(settled)


def test_listed_exchanger_with_the_right_certificate_gets_the_mail_over_verified_tls(
    world, https, good
):
    server = world.exchanger("a.example", name="mx.a.example", certificate=good)
    promise(https)
    sent(world, https, good)
    [message] = server.messages
    assert message.tls
    assert data_of(EventType.DELIVER)["tls"]["verified"] is True


def test_wildcard_lists_an_exchanger(world, https, good):
    server = world.exchanger("a.example", name="mx.a.example", certificate=good)
    promise(https, mx="*.a.example")
    sent(world, https, good)
    assert len(server.messages) == 1


def test_enforced_policy_holds_mail_back_from_a_wrong_certificate(world, https, good, bad):
    server = world.exchanger("a.example", name="mx.a.example", certificate=bad)
    promise(https)
    sent(world, https, good)
    assert server.messages == []
    assert not server.seen("MAIL")
    data = data_of(EventType.DEFER)
    assert data["phase"] == "tls"
    assert "certificate verify failed" in data["detail"]


def test_enforced_policy_holds_mail_back_from_an_exchanger_without_tls(world, https, good):
    server = world.exchanger("a.example", name="mx.a.example")
    promise(https)
    sent(world, https, good)
    assert server.messages == []
    assert data_of(EventType.DEFER)["phase"] in ("ehlo", "starttls")


def test_enforced_policy_holds_mail_back_from_an_exchanger_it_does_not_list(world, https, good):
    server = world.exchanger("a.example", name="mx.evil.example", certificate=good)
    promise(https)
    sent(world, https, good)
    assert server.connections == 0
    data = data_of(EventType.DEFER)
    assert data["phase"] == "lookup"
    assert "MTA-STS" in data["detail"]
    assert "mx.evil.example" in data["detail"]


def test_forged_exchanger_is_passed_over_for_a_listed_one(world, https, good):
    forged = world.exchanger("a.example", 1, name="mx.evil.example", certificate=good)
    right = world.exchanger("a.example", 10, name="mx.a.example", certificate=good)
    promise(https)
    sent(world, https, good)
    assert forged.connections == 0
    assert len(right.messages) == 1


def test_testing_policy_holds_nothing_back(world, https, good, bad):
    server = world.exchanger("a.example", name="mx.evil.example", certificate=bad)
    promise(https, mode="testing")
    sent(world, https, good)
    assert len(server.messages) == 1
    assert data_of(EventType.DELIVER)["tls"]["verified"] is False


def test_held_policy_outlives_the_process_and_the_domain_s_dns(world, https, good, bad):
    server = world.exchanger("a.example", name="mx.a.example", certificate=good)
    promise(https)
    sent(world, https, good)
    world.dns.zone.remove("_mta-sts.a.example", "TXT")
    world.dns.zone.fail("mta-sts.a.example")
    server.certificate = bad
    sent(world, https, good)
    assert len(server.messages) == 1
    assert "certificate verify failed" in data_of(EventType.DEFER)["detail"]


def test_policy_host_that_is_away_takes_no_mail_with_it(world, https, good, bad):
    server = world.exchanger("a.example", name="mx.a.example", certificate=bad)
    https.answer = reply(b"", 503)
    sent(world, https, good)
    assert len(server.messages) == 1
