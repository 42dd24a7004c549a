"""The MTA-STS policy of the return path: published, announced, and read by our own reader."""

import pytest

from delivery.doctor.tests.conftest import serving
from delivery.domains.checks import look_up
from delivery.domains.installation import Installation
from delivery.domains.policy import id_of, policy_of
from delivery.domains.records import records
from delivery.domains.tests.zones import MAIL_HOST, publish
from delivery.smtp.dns import Resolver
from delivery.smtp.mta_sts import parse_policy, policy_id
from delivery.smtp.tests.certificates import make_certificate

DOMAIN = "shop.example"
NAME = f"mta-sts.bounces.{DOMAIN}"
ANNOUNCED = f"_mta-sts.bounces.{DOMAIN}"
PUBLIC = "click.example.net"


@pytest.fixture
def web(tmp_path, monkeypatch, dns):
    certificate = make_certificate(tmp_path, names=[NAME])
    monkeypatch.setenv("SSL_CERT_FILE", certificate.chain)
    dns.zone.add(PUBLIC, "A", "127.0.0.1")
    with serving(certificate.server_context()) as server:
        yield server


def wanted(web):
    url = f"https://{PUBLIC}:{web.server_port}"
    ours = Installation(MAIL_HOST, url, takes_tls=True)
    return [r for r in records(DOMAIN, [], ours) if r.purpose.startswith("mta_sts")], ours


def states(web, dns):
    asked_for, ours = wanted(web)
    found = look_up(asked_for, ours, Resolver([dns.address], seconds=2))
    return {finding.purpose: str(finding.state) for finding in found}


def test_what_we_show_is_right_once_it_is_published(web, dns):
    publish(dns.zone, wanted(web)[0])
    assert states(web, dns) == {"mta_sts": "right", "mta_sts_host": "right"}


def test_nothing_is_asked_for_where_our_mail_server_takes_no_tls():
    ours = Installation(MAIL_HOST, f"https://{PUBLIC}")
    assert not [r for r in records(DOMAIN, [], ours) if r.purpose.startswith("mta_sts")]


def test_missing_records_are_missing(web, dns):
    assert states(web, dns) == {"mta_sts": "missing", "mta_sts_host": "missing"}


@pytest.mark.parametrize(
    "texts", [["v=STSv1; id=1"], ["hello"], ["v=STSv1; id=1", "v=STSv1; id=2"]]
)
def test_another_announcement_is_wrong(web, dns, texts):
    for text in texts:
        dns.zone.add(ANNOUNCED, "TXT", text)
    assert states(web, dns)["mta_sts"] == "wrong"


def test_another_policy_is_wrong(web, dns):
    publish(dns.zone, wanted(web)[0])
    web.policy = policy_of("mx.other.example").encode()
    assert states(web, dns)["mta_sts_host"] == "wrong"


def test_silent_dns_says_nothing(web, dns):
    dns.zone.fail(ANNOUNCED), dns.zone.fail(NAME)
    assert states(web, dns) == {"mta_sts": "unknown", "mta_sts_host": "unknown"}


def test_readers_of_policies_understand_it():
    text = policy_of(MAIL_HOST)
    read = parse_policy(text.encode(), policy_id([f"v=STSv1; id={id_of(text)}"]))
    assert (read.enforced, read.mx, read.id) == (True, (MAIL_HOST,), id_of(text))
    assert id_of(policy_of("other.example")) != read.id
