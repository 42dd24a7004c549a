"""Encryption on the way to mail exchangers."""

from dataclasses import dataclass

import pytest

from delivery.smtp.tests.certificates import make_certificate
from delivery.smtp.tests.scripted import drop, say
from delivery.tests.conftest import running
from delivery.tests.mx.events import data_of, make_mail, settled
from delivery.tests.waiting import wait_until
from emails.models import EventType

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True)
class Policy:
    """Stands for that of MTA-STS."""

    hosts: tuple[str, ...]
    enforced: bool = True

    def allows(self, mx_host):
        return mx_host in self.hosts


@pytest.fixture
def certificate(tmp_path):
    return make_certificate(tmp_path)  # for `localhost`


def sent(world, **options):
    make_mail("ann@a.example")
    with running(world.transport(**options)):
        wait_until(settled)


def test_starttls_is_used_where_offered_and_trusts_any_certificate(world, certificate):
    server = world.exchanger("a.example", certificate=certificate)
    sent(world)
    [message] = server.messages
    assert message.tls
    tls = data_of(EventType.DELIVER)["tls"]
    assert tls["version"] == "TLSv1.3"
    assert tls["verified"] is False


def test_exchanger_without_starttls_gets_plain_text(world):
    server = world.exchanger("a.example")
    sent(world)
    assert len(server.messages) == 1
    assert "tls" not in data_of(EventType.DELIVER)


@pytest.mark.parametrize(
    ("step", "action"), [("handshake", drop), ("starttls", say("454 4.7.0 no"))]
)
def test_opportunistic_tls_that_fails_defers_and_never_falls_back(world, certificate, step, action):
    server = world.exchanger("a.example", certificate=certificate).on(step, action)
    sent(world)
    assert server.messages == []
    assert not server.seen("MAIL")
    assert data_of(EventType.DEFER)["phase"] in ("tls", "starttls")


def test_opportunistic_tls_that_fails_moves_on_to_the_next_exchanger(world, certificate):
    first = world.exchanger("a.example", 10, certificate=certificate).on("handshake", drop)
    second = world.exchanger("a.example", 20)
    sent(world)
    assert first.messages == []
    assert len(second.messages) == 1
    [failure] = data_of(EventType.DELIVER)["tried"]
    assert failure["phase"] == "tls"


def test_required_tls_passes_over_an_exchanger_that_offers_none(world, certificate):
    first = world.exchanger("a.example", 10)
    second = world.exchanger("a.example", 20, certificate=certificate)
    sent(world, require_tls=True)
    assert first.messages == []
    assert [message.tls for message in second.messages] == [True]


def test_required_tls_defers_where_none_is_offered_and_says_so(world):
    server = world.exchanger("a.example")
    sent(world, require_tls=True)
    assert server.messages == []
    assert "STARTTLS" in data_of(EventType.DEFER)["detail"]


def test_enforced_policy_verifies_the_certificate(world, certificate):
    server = world.exchanger("a.example", name="localhost", certificate=certificate)
    policy = Policy(("localhost",))
    sent(world, sts=lambda domain: policy, ca_file=certificate.chain)
    [message] = server.messages
    assert message.tls
    assert data_of(EventType.DELIVER)["tls"]["verified"] is True


@pytest.mark.parametrize(
    ("name", "trusts"), [("mx.a.example", True), ("localhost", False)], ids=["name", "issuer"]
)
def test_enforced_policy_and_a_bad_certificate_defer(world, certificate, name, trusts):
    server = world.exchanger("a.example", name=name, certificate=certificate)
    policy = Policy((name,))
    sent(world, sts=lambda domain: policy, ca_file=certificate.chain if trusts else None)
    assert server.messages == []
    data = data_of(EventType.DEFER)
    assert data["phase"] == "tls"
    assert "certificate verify failed" in data["detail"]


def test_enforced_policy_and_no_encryption_defer(world):
    server = world.exchanger("a.example")
    policy = Policy(("mx2.a.example",))
    sent(world, sts=lambda domain: policy)
    assert server.messages == []
    assert "STARTTLS" in data_of(EventType.DEFER)["detail"]


def test_only_hosts_that_the_policy_allows_are_tried(world, certificate):
    forged = world.exchanger("a.example", 10, name="forged.example", certificate=certificate)
    server = world.exchanger("a.example", 20, name="localhost", certificate=certificate)
    policy = Policy(("localhost",))
    sent(world, sts=lambda domain: policy, ca_file=certificate.chain)
    assert forged.connections == 0
    assert len(server.messages) == 1


def test_policy_that_allows_none_of_the_exchangers_defers(world):
    server = world.exchanger("a.example")
    policy = Policy(("other.example",))
    sent(world, sts=lambda domain: policy)
    assert server.connections == 0
    assert "MTA-STS" in data_of(EventType.DEFER)["detail"]


def test_policy_that_is_only_tested_changes_nothing(world):
    server = world.exchanger("a.example")
    policy = Policy((), enforced=False)
    sent(world, sts=lambda domain: policy)
    assert len(server.messages) == 1


def test_certificate_that_one_domain_refuses_is_no_matter_to_another(world, certificate):
    server = world.exchanger("a.example", name="mx.a.example", certificate=certificate)
    world.record("b.example", 10, "mx.a.example")
    policy = Policy(("mx.a.example",))
    for domain in ("a.example", "b.example"):
        make_mail(f"ann@{domain}")
    transport = world.transport(sts=lambda domain: policy if domain == "a.example" else None)
    with running(transport):
        wait_until(settled)
    assert [message.recipients for message in server.messages] == [["ann@b.example"]]
