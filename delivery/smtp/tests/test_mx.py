"""Which hosts a domain's mail goes to, and what it means that there is none."""

from collections import Counter
from ipaddress import ip_network

import pytest

from delivery.smtp import Outcome, OutcomeKind, Phase
from delivery.smtp.dns import Resolver
from delivery.smtp.mx import MOST_ADDRESSES, Finder, MailExchanger, in_turn
from delivery.smtp.reach import Reach
from tests.dns_server import DnsServer

ANYWHERE = Reach([ip_network("0.0.0.0/0"), ip_network("::/0")])


@pytest.fixture
def dns():
    with DnsServer() as server:
        yield server


@pytest.fixture
def finder(dns):
    return Finder(Resolver([dns.address], seconds=1.5), "mail.us.example", ANYWHERE)


def host(dns, name, *addresses):
    for address in addresses:
        dns.zone.add(name, "AAAA" if ":" in address else "A", address)


def mx(dns, domain, preference, name, *addresses):
    dns.zone.add(domain, "MX", name, preference)
    host(dns, name, *addresses)


def found(finder, domain="a.example"):
    return [(each.host, each.address) for each in finder.find(domain)]


def assert_nowhere(outcome, kind, status):
    assert (outcome.kind, outcome.phase, outcome.status) == (kind, Phase.LOOKUP, status)
    assert outcome.detail.startswith(status + " ")


def test_lower_preference_comes_first(dns, finder):
    mx(dns, "a.example", 20, "second.example", "192.0.2.2")
    mx(dns, "a.example", 10, "first.example", "192.0.2.1")
    assert finder.find("a.example") == (
        MailExchanger(10, "first.example", "192.0.2.1"),
        MailExchanger(20, "second.example", "192.0.2.2"),
    )


def test_equal_preferences_share_the_mail(dns, finder):
    for number in range(3):
        mx(dns, "a.example", 10, f"mx{number}.example", f"192.0.2.{number}")
    mx(dns, "a.example", 20, "last.example", "192.0.2.9")
    exchangers = finder.find("a.example")
    orders = [[each.host for each in in_turn(exchangers)] for _ in range(300)]
    assert {order[-1] for order in orders} == {"last.example"}
    assert min(Counter(order[0] for order in orders).values()) > 50
    assert len({found(finder)[0] for _ in range(100)}) == 3


def test_domain_without_mx_is_its_own(dns, finder):
    host(dns, "a.example", "192.0.2.1", "2001:db8::1")
    assert set(found(finder)) == {("a.example", "192.0.2.1"), ("a.example", "2001:db8::1")}


def test_both_families_of_a_host_are_tried(dns, finder):
    mx(dns, "a.example", 10, "mx.example", *(f"192.0.2.{n}" for n in range(8)), "2001:db8::1")
    mx(dns, "a.example", 20, "other.example", "192.0.2.99")
    addresses = [address for _, address in found(finder)]
    assert "2001:db8::1" in addresses
    assert "192.0.2.99" in addresses  # though the first has more addresses than are tried


def test_no_more_than_five_addresses_are_tried(dns, finder):
    for number in range(9):
        mx(dns, "many.example", 10 + number, f"mx{number}.example", f"192.0.2.{number}")
    mx(dns, "one.example", 10, "one.example", *(f"192.0.2.{n}" for n in range(9)))
    assert len(found(finder, "many.example")) == MOST_ADDRESSES == 5
    assert len(found(finder, "one.example")) == MOST_ADDRESSES


def test_null_mx_bounces(dns, finder):
    dns.zone.add("a.example", "MX", ".", 0)
    assert_nowhere(finder.find("a.example"), OutcomeKind.BOUNCED, "5.1.10")


def test_null_mx_beside_others_is_none(dns, finder):
    dns.zone.add("a.example", "MX", ".", 0)
    mx(dns, "a.example", 10, "mx.example", "192.0.2.1")
    assert found(finder) == [("mx.example", "192.0.2.1")]


def test_unknown_domain_bounces(finder):
    assert_nowhere(finder.find("nowhere.example"), OutcomeKind.BOUNCED, "5.1.2")


def test_domain_with_neither_mx_nor_address_bounces(dns, finder):
    dns.zone.add("a.example", "TXT", "nothing for mail")
    assert_nowhere(finder.find("a.example"), OutcomeKind.BOUNCED, "5.1.2")


def test_dns_that_fails_defers(dns, finder):
    dns.zone.fail("a.example")
    assert_nowhere(finder.find("a.example"), OutcomeKind.DEFERRED, "4.4.3")


def test_dns_that_is_silent_defers():
    finder = Finder(Resolver(["127.0.0.1:1"], seconds=0.3), "mail.us.example", ANYWHERE)
    assert_nowhere(finder.find("a.example"), OutcomeKind.DEFERRED, "4.4.3")


def test_exchangers_without_address_bounce_and_are_named(dns, finder):
    mx(dns, "a.example", 10, "gone.example")
    outcome = finder.find("a.example")
    assert_nowhere(outcome, OutcomeKind.BOUNCED, "5.4.4")
    assert "gone.example" in outcome.detail


def test_exchangers_of_which_dns_knows_nothing_now_defer(dns, finder):
    mx(dns, "a.example", 10, "gone.example")
    mx(dns, "a.example", 20, "broken.example")
    dns.zone.fail("broken.example")
    assert_nowhere(finder.find("a.example"), OutcomeKind.DEFERRED, "4.4.3")


def test_exchanger_without_address_is_passed_over(dns, finder):
    mx(dns, "a.example", 10, "gone.example")
    mx(dns, "a.example", 20, "broken.example")
    mx(dns, "a.example", 30, "mx.example", "192.0.2.1")
    dns.zone.fail("broken.example")
    assert found(finder) == [("mx.example", "192.0.2.1")]


@pytest.mark.parametrize("ours", ["mail.us.example", "alias.us.example"])
def test_where_we_stand_in_the_list_only_better_ones_are_tried(dns, finder, ours):
    host(dns, "mail.us.example", "192.0.2.50")
    mx(dns, "a.example", 10, "better.example", "192.0.2.1")
    mx(dns, "a.example", 20, "equal.example", "192.0.2.2")
    dns.zone.add("a.example", "MX", ours, 20)
    mx(dns, "a.example", 30, "worse.example", "192.0.2.3")
    if ours != "mail.us.example":
        host(dns, ours, "192.0.2.50")
    assert found(finder) == [("better.example", "192.0.2.1")]


def test_where_we_are_the_best_it_bounces_instead_of_looping(dns, finder):
    host(dns, "mail.us.example", "192.0.2.50")
    mx(dns, "a.example", 10, "mail.us.example")
    mx(dns, "a.example", 20, "worse.example", "192.0.2.3")
    assert_nowhere(finder.find("a.example"), OutcomeKind.BOUNCED, "5.4.6")
    assert_nowhere(finder.find("[192.0.2.50]"), OutcomeKind.BOUNCED, "5.4.6")


@pytest.mark.parametrize(
    ("literal", "address"),
    [("[192.0.2.1]", "192.0.2.1"), ("[IPv6:2001:DB8::1]", "2001:db8::1")],
)
def test_address_literal_is_its_own_exchanger(dns, finder, literal, address):
    assert finder.find(literal) == (MailExchanger(0, address, address),)
    assert ("a.example", "MX") not in dns.zone.asked


@pytest.mark.parametrize("literal", ["[192.0.2]", "[mx.example]", "[]"])
def test_literal_that_is_no_address_bounces(finder, literal):
    assert_nowhere(finder.find(literal), OutcomeKind.BOUNCED, "5.1.3")


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "0.0.0.0", "::1", "fd00::1"]
)
def test_no_domain_leads_us_into_networks_that_are_not_public(dns, address):
    finder = Finder(Resolver([dns.address], seconds=1.5), "mail.us.example", Reach())
    mx(dns, "a.example", 10, "mx.a.example", address)
    said = finder.find("a.example")
    assert (said.kind, said.status) == (OutcomeKind.DEFERRED, "4.4.4")
    assert "PRIVATE_NETWORKS" in said.detail
    literal = finder.find(f"[{'IPv6:' if ':' in address else ''}{address}]")
    assert literal.status == "4.4.4"


def test_private_address_beside_a_public_one_is_passed_over(dns):
    finder = Finder(Resolver([dns.address], seconds=1.5), "mail.us.example", Reach())
    mx(dns, "a.example", 10, "mx.a.example", "10.0.0.7", "8.8.8.8")
    assert [each.address for each in finder.find("a.example")] == ["8.8.8.8"]


def test_host_that_alone_is_allowed_is_found_behind_many_others(dns, finder):
    for number in range(6):
        mx(dns, "a.example", 10, f"mx{number}.a.example", f"192.0.2.{number + 1}")
    mx(dns, "a.example", 20, "listed.a.example", "192.0.2.99")
    found = finder.find("a.example", lambda host: host == "listed.a.example")
    assert [each.address for each in found] == ["192.0.2.99"]
    assert isinstance(finder.find("a.example", lambda host: False), Outcome)
