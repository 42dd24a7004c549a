"""What DNS says, and what it means that it says nothing."""

import pytest

from delivery.smtp.answers import Answers
from delivery.smtp.dns import DnsUnreachable, MailHost, NoSuchName, Resolver
from tests.dns_server import DnsServer


@pytest.fixture
def dns():
    with DnsServer() as server:
        yield server


@pytest.fixture
def resolver(dns):
    return Resolver([dns.address], seconds=1.5)


def test_mail_hosts_come_by_preference(dns, resolver):
    dns.zone.add("a.example", "MX", "second.example", 20).add(
        "a.example", "MX", "First.Example", 10
    )
    assert resolver.mail_hosts("a.example") == [
        MailHost(10, "first.example"),
        MailHost(20, "second.example"),
    ]


def test_null_mx_is_an_empty_name(dns, resolver):
    dns.zone.add("a.example", "MX", ".", 0)
    assert resolver.mail_hosts("a.example") == [MailHost(0, "")]


def test_name_without_such_a_record_has_none(dns, resolver):
    dns.zone.add("a.example", "A", "127.0.0.1")
    assert resolver.mail_hosts("a.example") == []
    assert resolver.texts("a.example") == []
    assert resolver.alias("a.example") is None


def test_unknown_name_is_told_apart_from_no_answer(dns, resolver):
    with pytest.raises(NoSuchName, match=r"nowhere\.example"):
        resolver.mail_hosts("nowhere.example")
    dns.zone.fail("broken.example")
    with pytest.raises(DnsUnreachable, match=r"broken\.example"):
        resolver.mail_hosts("broken.example")


def test_silent_server_is_no_answer():
    with pytest.raises(DnsUnreachable):
        Resolver(["127.0.0.1:1"], seconds=0.5).addresses("a.example")


def test_both_families_are_addresses(dns, resolver):
    dns.zone.add("a.example", "A", "192.0.2.1").add("a.example", "AAAA", "2001:db8::1")
    assert resolver.addresses("a.example") == ["2001:db8::1", "192.0.2.1"]


def test_alias_is_followed(dns, resolver):
    dns.zone.add("www.example", "CNAME", "a.example").add("a.example", "A", "192.0.2.1")
    assert resolver.addresses("www.example") == ["192.0.2.1"]
    assert resolver.alias("www.example") == "a.example"


def test_long_text_is_put_together(dns, resolver):
    dns.zone.add("a.example", "TXT", "v=DKIM1; p=" + "A" * 400)
    assert resolver.texts("a.example") == ["v=DKIM1; p=" + "A" * 400]


def test_reverse_names(dns, resolver):
    dns.zone.add("1.2.0.192.in-addr.arpa", "PTR", "mail.example")
    assert resolver.names_of("192.0.2.1") == ["mail.example"]


def test_answer_is_kept_for_its_time(dns, resolver):
    dns.zone.add("a.example", "A", "192.0.2.1")
    for _ in range(3):
        resolver.addresses("a.example")
    assert [kind for _, kind in dns.zone.asked].count("A") == 1
    assert [kind for _, kind in dns.zone.asked].count("AAAA") == 1  # of which there is none


def test_that_a_name_does_not_exist_is_kept_too(dns, resolver):
    for _ in range(3):
        with pytest.raises(NoSuchName):
            resolver.mail_hosts("nowhere.example")
    assert len(dns.zone.asked) == 1


def test_answer_without_a_time_to_live_is_asked_for_again(dns, resolver):
    dns.zone.add("a.example", "A", "192.0.2.1", ttl=0)
    for _ in range(3):
        assert resolver.addresses("a.example") == ["192.0.2.1"]
    assert [kind for _, kind in dns.zone.asked].count("A") == 3


def test_failure_is_not_kept(dns, resolver):
    dns.zone.add("a.example", "A", "192.0.2.1").fail("a.example")
    with pytest.raises(DnsUnreachable):
        resolver.addresses("a.example")
    dns.zone.mend("a.example")
    assert resolver.addresses("a.example") == ["192.0.2.1"]


def test_answers_end_with_their_time_and_those_of_long_ago_are_forgotten():
    now = [100.0]
    answers = Answers(2, lambda: now[0])
    answers.keep("a.example", "MX", ["x"], 10)
    assert answers.get("a.example", "MX") == (True, ["x"])
    assert answers.get("a.example", "A") == (False, None)
    now[0] += 10
    assert answers.get("a.example", "MX") == (False, None)
    for name in ("b.example", "c.example", "d.example"):
        answers.keep(name, "MX", None, 10)
    assert [answers.get(f"{name}.example", "MX")[0] for name in "bcd"] == [False, True, True]
