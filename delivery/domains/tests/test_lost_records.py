"""A verified domain whose records vanish: nothing stops, and everybody who looks is told."""

import logging
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from accounts.models import DkimKey, SendingDomain
from accounts.tests.factories import make_client, make_domain
from accounts.tests.staff import staff_client
from delivery.claim import claim
from delivery.domains import checking
from delivery.domains.tasks import check_domains
from delivery.domains.tests.zones import publish
from delivery.pipeline import compose
from emails.addresses import Address
from emails.tests.factories import make_email

pytestmark = pytest.mark.django_db
LIST = "/admin/accounts/sendingdomain/"
LONG_AGO = "2025-05-12T10:00:00+00:00"


@pytest.fixture
def domain(dns, settings):
    settings.ALLOW_ANY_FROM = False
    domain = make_domain(name="shop.example", verified_at=None)
    DkimKey.generate(domain, DkimKey.Algorithm.ED25519)
    publish(dns.zone, [r for r in checking.records_of(domain) if r.need != "optional"])
    looked_at_by_itself(domain)
    assert domain.verified_at
    return domain


def looked_at_by_itself(domain):
    """A day passes, and the periodic task runs."""
    day_ago = timezone.now() - timedelta(hours=25)
    SendingDomain.objects.filter(pk=domain.pk).update(created_at=day_ago, checked_at=day_ago)
    check_domains()
    domain.refresh_from_db()
    assert domain.checked_at > day_ago


def lose_the_key(domain, dns, since=LONG_AGO):
    """The periodic look finds it missing, a while ago."""
    name = domain.dkim_keys.get().record.name
    dns.zone.remove(name, "TXT")
    looked_at_by_itself(domain)
    for finding in domain.findings:
        if finding["name"] == name:
            assert datetime.fromisoformat(finding["since"]) <= timezone.now()
            finding["since"] = since
    domain.save()
    return name


def since_of(domain, purpose="dkim"):
    domain.refresh_from_db()
    return next(f.since for f in checking.findings_of(domain) if f.purpose == purpose)


def page(path):
    return " ".join(staff_client("accounts.view_sendingdomain").get(path).content.decode().split())


def test_right_records_have_no_date(domain):
    assert {finding.since for finding in checking.findings_of(domain) if not finding.is_amiss} == {
        ""
    }
    assert "since" not in page(LIST)
    assert "Signature broken" not in page(f"{LIST}{domain.pk}/change/")


def test_mail_goes_on_and_is_signed(domain, dns):
    lose_the_key(domain, dns)
    assert domain.verified_at
    make_email(domain.project, sender=Address("me@shop.example"))
    [delivery] = claim(1, 60)
    assert b"d=shop.example" in compose(delivery).content


def test_list_and_page_say_what_is_missing_since_when(domain, dns):
    name = lose_the_key(domain, dns)
    listed = page(LIST)
    assert "signature broken" in listed
    assert "1 missing; key gone since 12 May 2025" in listed
    shown = page(f"{LIST}{domain.pk}/change/")
    assert "Signature broken" in shown
    assert f"<code>{name}</code> has been missing since 12 May 2025, 10:00 UTC" in shown
    assert "Not right since the look of 12 May 2025, 10:00 UTC" in shown


def test_api_says_it(domain, dns):
    name = lose_the_key(domain, dns)
    said = make_client(domain.project).get("/api/domains/shop.example").json()
    assert said["verified"] is True
    assert {record["name"]: record["since"] for record in said["records"] if record["since"]} == {
        name: LONG_AGO
    }


def test_log_says_it_once(domain, dns, caplog):
    with caplog.at_level(logging.WARNING, "delivery.domains.checking"):
        lose_the_key(domain, dns)
        looked_at_by_itself(domain)
    assert [record.getMessage() for record in caplog.records] == [
        "a DNS record of shop.example is missing now"
    ]


def test_date_stays_until_the_record_is_back(domain, dns):
    lose_the_key(domain, dns)
    looked_at_by_itself(domain)
    assert since_of(domain) == LONG_AGO
    key = domain.dkim_keys.get()
    dns.zone.add(key.record.name, "TXT", "v=DKIM1; k=ed25519; p=AAAA")
    looked_at_by_itself(domain)
    assert since_of(domain) == LONG_AGO  # wrong now, and no better
    dns.zone.remove(key.record.name, "TXT")
    publish(dns.zone, [r for r in checking.records_of(domain) if r.purpose == "dkim"])
    looked_at_by_itself(domain)
    assert since_of(domain) == ""
    dns.zone.remove(key.record.name, "TXT")
    looked_at_by_itself(domain)
    assert since_of(domain) > LONG_AGO


def test_dns_that_falls_silent_breaks_nothing_and_mends_nothing(domain, dns):
    name = domain.dkim_keys.get().record.name
    dns.zone.fail(name)
    looked_at_by_itself(domain)
    assert since_of(domain) == ""
    assert "signature broken" not in page(LIST)
    dns.zone.clear()
    lose_the_key(domain, dns)
    dns.zone.fail(name)
    looked_at_by_itself(domain)
    assert since_of(domain) == LONG_AGO


def test_key_that_waits_for_dns_breaks_no_signature(domain):
    DkimKey.generate(domain, DkimKey.Algorithm.ED25519)
    looked_at_by_itself(domain)
    assert "signature broken" not in page(LIST)


def test_findings_from_before_there_were_dates_are_read(domain):
    for finding in domain.findings:
        del finding["since"]
    domain.save()
    assert "verified" in page(LIST)
    looked_at_by_itself(domain)
    assert since_of(domain) == ""


def test_list_takes_no_query_more_for_more_domains(domain, django_assert_max_num_queries):
    client = staff_client("accounts.view_sendingdomain")
    with django_assert_max_num_queries(30) as few:
        client.get(LIST)
    for number in range(5):
        DkimKey.generate(
            make_domain(domain.project, f"d{number}.example", findings=domain.findings),
            DkimKey.Algorithm.ED25519,
        ).activate()
    with django_assert_max_num_queries(len(few)):
        client.get(LIST)
