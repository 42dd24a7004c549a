"""What the checks say of each record: right, wrong, missing or unknown, and what to do."""

import pytest

from delivery.domains.checks import State, look_up
from delivery.domains.installation import Installation
from delivery.domains.records import Purpose, SigningRecord, records
from delivery.domains.tests.zones import (
    ADDRESSES,
    MAIL_HOST,
    PUBLIC_URL,
    publish,
    publish_installation,
)
from delivery.smtp.dns import Resolver
from tests.dns_server import DnsServer

DOMAIN = "shop.example"
KEY = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKC" + "A" * 340
DKIM = f"v=DKIM1; k=rsa; p={KEY}"
SELECTOR = f"m1._domainkey.{DOMAIN}"
BOUNCES = f"bounces.{DOMAIN}"
INSTALLATION = Installation(MAIL_HOST, PUBLIC_URL)
WANTED = records(DOMAIN, [SigningRecord(SELECTOR, DKIM)], INSTALLATION)


@pytest.fixture(scope="module")
def server():
    with DnsServer() as server:
        yield server


@pytest.fixture
def dns(server):
    server.zone.clear()
    publish_installation(server.zone)
    publish(server.zone, WANTED)
    return server


def found(dns, installation=INSTALLATION, before=()):
    resolver = Resolver([dns.address], seconds=2)
    return {f.purpose: f for f in look_up(WANTED, installation, resolver, before)}


def changed(dns, name, kind, *values):
    dns.zone.remove(name, kind)
    for value in values:
        dns.zone.add(name, kind, *(value if isinstance(value, tuple) else (value,)))
    return found(dns)


def test_what_we_show_is_right_once_it_is_published(dns):
    without_https = set(Purpose) - {Purpose.TRACKING, Purpose.STS, Purpose.STS_HOST}
    assert {f.purpose: f.state for f in found(dns).values()} == dict.fromkeys(
        map(str, without_https), State.RIGHT
    )


def test_nothing_published_is_missing_everywhere(dns):
    dns.zone.clear()
    publish_installation(dns.zone)
    assert {f.state for f in found(dns).values()} == {State.MISSING}


def test_no_answer_is_unknown_everywhere(dns):
    for record in WANTED:
        dns.zone.fail(record.name)
    assert {f.state for f in found(dns).values()} == {State.UNKNOWN}


def test_no_answer_keeps_what_was_known_and_says_so(dns):
    before = list(found(dns).values())
    for record in WANTED:
        dns.zone.fail(record.name)
    first = found(dns, before=before)
    again = found(dns, before=list(first.values()))
    assert {f.state for f in again.values()} == {State.RIGHT}
    assert again == first
    assert all("no answer at the last look" in f.advice for f in again.values())


@pytest.mark.parametrize(
    "text",
    [
        f"p={KEY}",
        f"v=DKIM1;k=rsa;p={KEY};",
        f"v=DKIM1; p={KEY}; k=rsa; t=s; n=note",
        f"v=DKIM1 ; k = rsa ; h = sha1 : sha256 ; s=email; p = {KEY[:50]} {KEY[50:]}",
    ],
)
def test_dkim_key_is_right_however_it_is_written(dns, text):
    assert changed(dns, SELECTOR, "TXT", text)["dkim"].state is State.RIGHT


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (["v=DKIM1; k=rsa; p="], "revoked"),
        (["v=DKIM1; k=rsa"], "revoked"),
        ([f"v=DKIM1; k=rsa; p={KEY[:200]}"], "cut off"),
        (["v=DKIM1; k=rsa; p=MIIB"], "cut off"),
        (["v=DKIM1; k=rsa; p=AAAA"], "another one"),
        ([f"v=DKIM1; k=ed25519; p={KEY}"], "k=ed25519"),
        ([f"k=rsa; v=DKIM1; p={KEY}"], "come first"),
        ([f"v=dkim1; k=rsa; p={KEY}"], "come first"),
        ([f'"{DKIM}"'], "no DKIM record"),
        (["hello"], "no DKIM record"),
        ([f"v=DKIM1; k=rsa; h=sha1; p={KEY}"], "h=sha1"),
        ([f"v=DKIM1; k=rsa; s=tlsrpt; p={KEY}"], "s=tlsrpt"),
        ([DKIM, "v=DKIM1; k=rsa; p=AAAA"], "several"),
    ],
)
def test_dkim_key_is_wrong_and_the_fault_is_named(dns, texts, says):
    finding = changed(dns, SELECTOR, "TXT", *texts)["dkim"]
    assert finding.state is State.WRONG
    assert says in finding.advice
    assert finding.found


def test_dkim_trial_flag_is_right_with_a_remark(dns):
    finding = changed(dns, SELECTOR, "TXT", f"v=DKIM1; t=y; p={KEY}")["dkim"]
    assert finding.state is State.RIGHT
    assert "t=y" in finding.advice


def test_name_to_which_the_provider_added_the_domain_is_noticed(dns):
    dns.zone.add(f"{SELECTOR}.{DOMAIN}", "TXT", DKIM)
    finding = changed(dns, SELECTOR, "TXT")["dkim"]
    assert finding.state is State.MISSING
    assert "“m1._domainkey”" in finding.advice


def test_key_behind_an_alias_is_right(dns):
    dns.zone.add("keys.example.net", "TXT", DKIM)
    dns.zone.remove(SELECTOR, "TXT")
    dns.zone.add(SELECTOR, "CNAME", "keys.example.net")
    assert found(dns)["dkim"].state is State.RIGHT


@pytest.mark.parametrize(
    ("hosts", "state", "says"),
    [
        ([("mail.example.net", 50)], State.RIGHT, ""),
        ([("mx.other.example", 10)], State.WRONG, "mail.example.net"),
        ([("mail.example.net", 10), ("mx.other.example", 20)], State.WRONG, "other hosts"),
        ([(".", 0)], State.WRONG, "mail.example.net"),
        ([], State.MISSING, "Add"),
    ],
)
def test_return_path(dns, hosts, state, says):
    finding = changed(dns, BOUNCES, "MX", *hosts)["return_path"]
    assert (finding.state, says in finding.advice) == (state, True)


SPF_CASES = [
    ("v=spf1 a:mail.example.net -all", State.RIGHT, ""),
    ("v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 ~all", State.RIGHT, ""),
    ("v=spf1 include:spf.example.net ~all", State.RIGHT, ""),
    ("v=spf1 redirect=spf.example.net", State.RIGHT, ""),
    ("V=SPF1 +A:mail.example.net", State.RIGHT, ""),
    ("v=spf1 exists:%{i}.ok.example.net a:mail.example.net ?all", State.RIGHT, ""),
    ("v=spf1 ip4:192.0.2.1 -all", State.WRONG, "2001:db8::1"),
    (
        "v=spf1 include:other.example ~all",
        State.WRONG,
        "v=spf1 include:other.example a:mail.example.net ~all",
    ),
    ("v=spf1 mx -all", State.WRONG, "v=spf1 mx a:mail.example.net -all"),
    ("v=spf1 include:gone.example ~all", State.WRONG, "gone.example, which has no SPF record"),
    ("v=spf1 ipv4:192.0.2.1 -all", State.WRONG, "ipv4:192.0.2.1"),
    ("v=spf1 include:loop.example -all", State.WRONG, "more than 10 lookups"),
    ("v=spf2 a", State.MISSING, "Add"),
    ("", State.MISSING, "Add"),
    ("v=spf1 include:broken.example -all", State.UNKNOWN, "broken.example"),
    ("v=spf1 " + "a:mx.example.net " * 7 + "a:mail.example.net -all", State.RIGHT, "8 of the 10"),
]


@pytest.mark.parametrize(("text", "state", "says"), SPF_CASES)
def test_spf_is_evaluated_for_each_of_our_addresses(dns, text, state, says):
    dns.zone.add("spf.example.net", "TXT", "v=spf1 a:mail.example.net -all")
    dns.zone.add("other.example", "TXT", "v=spf1 ip4:203.0.113.1 -all")
    dns.zone.add("loop.example", "TXT", "v=spf1 include:loop.example -all")
    dns.zone.add("mx.example.net", "A", "203.0.113.9").add("mx.example.net", "AAAA", "2001:db8::9")
    dns.zone.fail("broken.example")
    finding = changed(dns, DOMAIN, "TXT", *([text] if text else []))["spf"]
    assert (finding.state, says in finding.advice) == (state, True), finding


def test_two_spf_records_are_wrong(dns):
    finding = changed(dns, DOMAIN, "TXT", "v=spf1 a:mail.example.net -all", "v=spf1 -all")["spf"]
    assert finding.state is State.WRONG
    assert "2 SPF records" in finding.advice


def test_other_texts_of_the_domain_do_not_disturb(dns):
    dns.zone.add(DOMAIN, "TXT", "google-site-verification=x")
    assert found(dns)["spf"].state is State.RIGHT


def test_spf_is_asked_for_the_addresses_that_the_operator_named(dns):
    named = Installation(MAIL_HOST, PUBLIC_URL, ("192.0.2.1", "203.0.113.7"))
    finding = found(dns, named)["spf"]
    assert finding.state is State.WRONG
    assert "203.0.113.7" in finding.advice
    assert "ip4:203.0.113.7 ~all" in finding.advice


def test_mail_host_without_address_makes_spf_unknown(dns):
    dns.zone.remove(MAIL_HOST, "A"), dns.zone.remove(MAIL_HOST, "AAAA")
    assert found(dns)["spf"].state is State.UNKNOWN


DMARC_CASES = [
    ("v=DMARC1; p=none", State.RIGHT, "only watches"),
    ("v=DMARC1;p=reject;rua=mailto:a@shop.example", State.RIGHT, ""),
    ("v=DMARC1; p=quarantine; adkim=s", State.RIGHT, "adkim=s"),
    ("v=DMARC1; p=quarantine; aspf=s", State.RIGHT, "signature alone"),
    ("v=DMARC1 p=none", State.WRONG, "come first"),
    ("v=dmarc1; p=none", State.WRONG, "capitals"),
    ("v=DMARC2; p=none", State.WRONG, "capitals"),
    ("p=none; v=DMARC1", State.WRONG, "come first"),
    ("v=DMARC1; p=nothing", State.WRONG, "p=nothing"),
    ("v=DMARC1", State.WRONG, "p= is no policy"),
    ("v=DMARC1; p=none; aspf=strict", State.WRONG, "aspf=strict"),
    ("", State.MISSING, "Add"),
]


@pytest.mark.parametrize(("text", "state", "says"), DMARC_CASES)
def test_dmarc(dns, text, state, says):
    finding = changed(dns, f"_dmarc.{DOMAIN}", "TXT", *([text] if text else []))["dmarc"]
    assert (finding.state, says in finding.advice) == (state, True), finding


def test_two_dmarc_records_are_wrong(dns):
    finding = changed(dns, f"_dmarc.{DOMAIN}", "TXT", "v=DMARC1; p=none", "v=DMARC1; p=reject")
    assert finding["dmarc"].state is State.WRONG


def test_dmarc_of_the_parent_counts(dns):
    wanted = records(f"news.{DOMAIN}", [], INSTALLATION)
    findings = look_up(wanted, INSTALLATION, Resolver([dns.address], seconds=2))
    [dmarc] = [finding for finding in findings if finding.purpose == "dmarc"]
    assert dmarc.state is State.RIGHT
    assert dmarc.found.startswith(f"at _dmarc.{DOMAIN}: ")


def test_relay_without_named_addresses_asks_for_no_spf():
    relayed = Installation(MAIL_HOST, PUBLIC_URL, relayed=True)
    purposes = {record.purpose for record in records(DOMAIN, [], relayed)}
    assert not purposes & {Purpose.SPF, Purpose.RETURN_PATH_SPF}


def test_relay_with_named_addresses_wants_them_in_spf():
    relayed = Installation(MAIL_HOST, PUBLIC_URL, ("198.51.100.3",), relayed=True)
    [spf] = [record for record in records(DOMAIN, [], relayed) if record.purpose == Purpose.SPF]
    assert spf.value == "v=spf1 ip4:198.51.100.3 ~all"


def test_what_is_kept_reads_back_the_same(dns):
    for finding in found(dns).values():
        assert type(finding).of(finding.stored()) == finding


def test_addresses_of_the_zone_are_those_of_the_mail_host(dns):
    addresses = INSTALLATION.sending_addresses(Resolver([dns.address], seconds=2))
    assert sorted(addresses) == sorted(ADDRESSES)
