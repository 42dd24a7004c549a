"""MTA-STS policies: found out once, kept over restarts, and not taken away by who cuts a line."""

import threading
from datetime import datetime, timedelta
from ipaddress import ip_network

import pytest
from django.db import OperationalError
from django.utils import timezone

from delivery import sts
from delivery.fetching import Fetcher
from delivery.models import MtaStsPolicy
from delivery.smtp.answers import Answers
from delivery.smtp.dns import Resolver
from delivery.smtp.mta_sts import StsMode
from delivery.smtp.reach import Reach
from delivery.smtp.tests.certificates import make_certificate
from delivery.sts import ASK_AGAIN, NOTHING_HOLDS, StsPolicies, configured_lookup
from delivery.tests.https_server import HttpsServer, reply
from delivery.tests.waiting import wait_until
from tests.dns_server import DnsServer

pytestmark = pytest.mark.django_db(transaction=True)
HOST = "mta-sts.a.example"
LATER = ASK_AGAIN + timedelta(seconds=1)


def policy_text(mx="mx.a.example", mode="enforce", max_age=7 * 86_400):
    hosts = f"mx: {mx}\r\n" if mx else ""
    return f"version: STSv1\r\nmode: {mode}\r\n{hosts}max_age: {max_age}\r\n".encode()


class Clock:
    """Time that a test moves on."""

    def __init__(self):
        self.moved = timedelta()

    def __call__(self) -> datetime:
        return timezone.now() + self.moved


class Uncached(Resolver):
    """Its cache goes by the real time."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self._answers = Answers(0)


class Domain:
    """a.example: what it says in DNS and by HTTPS, and worker processes that ask."""

    def __init__(self, dns, https, certificate):
        self.dns, self.https, self.certificate = dns, https, certificate
        self.clock = Clock()
        self.dns.zone.add(HOST, "A", "127.0.0.1", ttl=0)
        self.announce("1")
        self.serve(policy_text())

    def announce(self, *ids):
        self.dns.zone.remove("_mta-sts.a.example", "TXT")
        for id in ids:
            self.dns.zone.add("_mta-sts.a.example", "TXT", f"v=STSv1; id={id};", ttl=0)

    def serve(self, body, status=200, **headers):
        self.https.answer = reply(body, status, **headers)

    def process(self, patience=10.0):
        """What a worker process that just began knows, which is nothing."""
        resolver = Uncached([self.dns.address], seconds=1)
        fetcher = Fetcher(
            resolver,
            Reach([ip_network("127.0.0.0/8")]),
            port=self.https.port,
            ca_file=self.certificate.chain,
        )
        return StsPolicies(resolver, fetcher, now=self.clock, patience=patience)

    @property
    def fetches(self):
        return len(self.https.requests)

    @property
    def questions(self):
        return self.dns.zone.asked.count(("_mta-sts.a.example", "TXT"))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("certificate"), names=[HOST])


@pytest.fixture
def domain(certificate):
    with DnsServer() as dns, HttpsServer(certificate) as https:
        yield Domain(dns, https, certificate)


def refreshed(policies, domain):
    """Ask as the next mail does, and wait until what was asked in the background is known."""
    wait_until(lambda: not policies._asking)
    before = domain.questions
    answer = policies.policy_for("a.example")
    wait_until(lambda: domain.questions > before and not policies._asking)
    return answer


def test_policy_is_found_out_and_applied(domain):
    policy = domain.process().policy_for("A.Example")
    assert (policy.mode, policy.mx, policy.id) == (StsMode.ENFORCE, ("mx.a.example",), "1")
    assert policy.enforced
    assert policy.allows("mx.a.example")
    assert not policy.allows("mx.evil.example")
    assert domain.https.requests == [(HOST, "/.well-known/mta-sts.txt")]


def test_domain_that_announces_none_has_none(domain):
    domain.announce()
    assert domain.process().policy_for("a.example") is None
    assert domain.fetches == 0


@pytest.mark.parametrize(
    "answer",
    [
        reply(policy_text(), 404),
        reply(policy_text(), 500),
        reply(policy_text(), 301, location="https://mta-sts.a.example/other"),
        reply(policy_text(), content_type="text/html"),
        reply(policy_text(mode="strict")),
        reply(policy_text(mx="")),
        reply(policy_text() + b"x: y\r\n" * 11_000),
        reply(b""),
    ],
    ids=["404", "500", "redirect", "html", "mode", "no mx", "too long", "empty"],
)
def test_answer_that_is_no_policy_is_as_none_and_is_not_asked_for_each_mail(domain, answer):
    domain.https.answer = answer
    policies = domain.process()
    assert [policies.policy_for("a.example") for _ in range(3)] == [None] * 3
    assert domain.fetches == 1
    assert not MtaStsPolicy.objects.exists()


def test_wrong_certificate_is_no_policy(domain, tmp_path):
    domain.certificate = make_certificate(tmp_path, names=["mta-sts.other.example"])
    assert domain.process().policy_for("a.example") is None


@pytest.mark.parametrize(("names", "days"), [(["a.example"], 1), ([HOST], -1)])
def test_certificate_for_another_name_or_expired_is_no_policy(domain, tmp_path, names, days):
    certificate = make_certificate(tmp_path, names=names, days=days)
    with HttpsServer(certificate) as https:
        domain.https, domain.certificate = https, certificate
        domain.serve(policy_text())
        assert domain.process().policy_for("a.example") is None
    assert domain.fetches == 0


def test_wildcard_certificate_is_right(domain, tmp_path):
    certificate = make_certificate(tmp_path, names=["*.a.example"])
    with HttpsServer(certificate) as https:
        domain.https, domain.certificate = https, certificate
        domain.serve(policy_text())
        assert domain.process().policy_for("a.example").enforced


def test_failed_fetch_is_tried_again_after_minutes(domain):
    policies = domain.process()
    domain.serve(b"", 503)
    assert policies.policy_for("a.example") is None
    domain.serve(policy_text())
    domain.clock.moved += ASK_AGAIN - timedelta(seconds=30)
    assert policies.policy_for("a.example") is None
    assert domain.fetches == 1
    domain.clock.moved += timedelta(seconds=31)
    refreshed(policies, domain)
    assert policies.policy_for("a.example").enforced


def test_known_policy_costs_no_question(domain):
    policies = domain.process()
    policies.policy_for("a.example")
    asked = len(domain.dns.zone.asked)
    for _ in range(100):
        policies.policy_for("a.example")
    assert (len(domain.dns.zone.asked), domain.fetches) == (asked, 1)


def test_policy_survives_a_restart_though_dns_and_https_are_away(domain):
    domain.process().policy_for("a.example")
    domain.dns.zone.fail("_mta-sts.a.example")
    domain.dns.zone.fail(HOST)
    domain.https.answer = reply(b"", 500)
    domain.clock.moved = timedelta(days=6)
    assert domain.process().policy_for("a.example").enforced


@pytest.mark.parametrize("how", ["record gone", "dns away", "https broken", "https emptied"])
def test_held_policy_holds_until_its_end_whatever_is_cut(domain, how):
    policies = domain.process()
    policies.policy_for("a.example")
    if how == "record gone":
        domain.announce()
    elif how == "dns away":
        domain.dns.zone.fail("_mta-sts.a.example")
    else:
        domain.announce("2")
        domain.serve(b"", 404 if how == "https broken" else 200)
    domain.clock.moved = timedelta(days=6)
    assert refreshed(policies, domain).enforced
    assert policies.policy_for("a.example").enforced
    domain.clock.moved = timedelta(days=7, seconds=1)
    assert policies.policy_for("a.example") is None
    assert domain.process().policy_for("a.example") is None


def test_changed_id_fetches_anew_in_the_background(domain):
    policies = domain.process()
    policies.policy_for("a.example")
    domain.announce("2")
    domain.serve(policy_text("mx2.a.example", "testing"))
    assert policies.policy_for("a.example").id == "1"
    domain.clock.moved = LATER
    assert refreshed(policies, domain).id == "1"
    policy = policies.policy_for("a.example")
    assert (policy.id, policy.mode, policy.mx) == ("2", StsMode.TESTING, ("mx2.a.example",))
    assert not policy.enforced
    assert MtaStsPolicy.objects.get().policy_id == "2"


def test_same_id_is_not_fetched_again_within_a_day(domain):
    policies = domain.process()
    policies.policy_for("a.example")
    domain.clock.moved = timedelta(hours=23)
    refreshed(policies, domain)
    assert domain.fetches == 1
    domain.clock.moved = timedelta(hours=25)
    refreshed(policies, domain)
    assert domain.fetches == 2
    assert MtaStsPolicy.objects.get().expires_at > timezone.now() + timedelta(days=8)


def test_mode_none_takes_the_policy_back(domain):
    policies = domain.process()
    policies.policy_for("a.example")
    domain.announce("2")
    domain.serve(policy_text("", "none"))
    domain.clock.moved = LATER
    refreshed(policies, domain)
    assert policies.policy_for("a.example") is None
    assert domain.process().policy_for("a.example") is None
    assert domain.fetches == 2  # it is known that there is none


def test_two_records_announce_nothing(domain):
    domain.announce("1", "2")
    assert domain.process().policy_for("a.example") is None
    assert domain.fetches == 0


def test_life_of_no_time_is_not_a_fetch_a_mail(domain):
    domain.serve(policy_text(max_age=0))
    policies = domain.process()
    assert policies.policy_for("a.example").enforced
    assert policies.policy_for("a.example").enforced
    assert domain.fetches == 1


def test_processes_share_what_one_fetched(domain):
    first, second = domain.process(), domain.process()
    first.policy_for("a.example")
    assert second.policy_for("a.example").enforced
    wait_until(lambda: not second._asking)
    assert domain.fetches == 1


def test_policy_that_staff_dropped_is_found_out_anew(domain):
    policies = domain.process()
    policies.policy_for("a.example")
    MtaStsPolicy.objects.all().delete()
    domain.announce()
    domain.clock.moved = LATER
    refreshed(policies, domain)
    assert policies.policy_for("a.example") is None


def test_many_who_ask_wait_for_one_fetch(domain):
    policies, answers = domain.process(), []
    gate = threading.Event()
    answer = reply(policy_text())
    domain.https.answer = lambda handler: gate.wait(10) and answer(handler)

    def ask():
        answers.append(policies.policy_for("a.example"))

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    wait_until(lambda: domain.fetches)
    gate.set()
    for thread in threads:
        thread.join()
    assert domain.fetches == 1
    assert [policy.id for policy in answers] == ["1"] * 10


def test_silent_policy_host_holds_mail_for_the_patience_alone_and_no_other_domain(domain):
    domain.https.answer = domain.https.stall
    policies = domain.process(patience=0.2)
    assert policies.policy_for("a.example") is None
    assert policies.policy_for("b.example") is None
    wait_until(lambda: list(policies._asking) == ["a.example"])  # it is still on its way


def test_answer_that_came_too_late_counts_for_the_next_mail(domain):
    gate, answer = threading.Event(), reply(policy_text())
    domain.https.answer = lambda handler: gate.wait(10) and answer(handler)
    policies = domain.process(patience=0.1)
    assert policies.policy_for("a.example") is None
    gate.set()
    wait_until(lambda: not policies._asking)
    assert policies.policy_for("a.example").enforced


def test_database_away_takes_no_known_policy(domain, monkeypatch):
    policies = domain.process()
    policies.policy_for("a.example")

    def away(*args, **kwargs):
        raise OperationalError("gone")

    monkeypatch.setattr(type(MtaStsPolicy.objects.all()), "holding", away)
    domain.announce()
    domain.clock.moved = LATER
    refreshed(policies, domain)
    assert policies.policy_for("a.example").enforced


def test_database_away_still_finds_policies_out(domain, monkeypatch):
    def away(*args, **kwargs):
        raise OperationalError("gone")

    for method in ("holding", "keep"):
        monkeypatch.setattr(type(MtaStsPolicy.objects.all()), method, away)
    assert domain.process().policy_for("a.example").enforced


def test_domain_without_policy_is_asked_again_while_mail_flows(domain):
    domain.announce()
    policies = domain.process()
    assert policies.policy_for("a.example") is None
    domain.announce("1")
    domain.clock.moved = LATER
    assert refreshed(policies, domain) is None
    assert policies.policy_for("a.example").enforced


def test_domain_without_policy_is_waited_for_after_an_hour_without_mail(domain):
    domain.announce()
    policies = domain.process()
    policies.policy_for("a.example")
    wait_until(lambda: not policies._asking)
    domain.announce("1")
    domain.clock.moved = NOTHING_HOLDS + LATER
    assert policies.policy_for("a.example").enforced


def test_domains_without_policies_cost_no_query_each(domain):
    policies, reads = domain.process(), []
    real = type(MtaStsPolicy.objects.all()).holding

    def counted(*args):
        reads.append(args)
        return real(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(MtaStsPolicy.objects.all()), "holding", counted)
        for number in range(20):
            policies.policy_for(f"n{number}.example")
    assert len(reads) == 1


def test_ended_policies_leave_the_table(domain):
    domain.process().policy_for("a.example")
    domain.clock.moved = timedelta(days=8)
    domain.dns.zone.add("mta-sts.b.example", "A", "127.0.0.1")
    MtaStsPolicy.objects.update(domain="gone.example")
    domain.process().policy_for("a.example")
    assert [row.domain for row in MtaStsPolicy.objects.all()] == ["a.example"]


def test_memory_has_a_bound(domain, monkeypatch):
    monkeypatch.setattr(sts, "MOST_KNOWN", 3)
    policies = domain.process()
    for number in range(6):
        policies.policy_for(f"n{number}.example")
    assert list(policies._known) == [f"n{number}.example" for number in (3, 4, 5)]


def test_switched_off_nobody_is_asked(domain, settings):
    settings.MTA_STS = False
    lookup = configured_lookup(Resolver([domain.dns.address]))
    assert lookup("a.example") is None
    assert domain.questions == 0


def test_loopback_is_not_fetched_from_unless_it_is_allowed(domain):
    lookup = configured_lookup(Resolver([domain.dns.address]))
    assert lookup("a.example") is None
    assert domain.questions == 1
