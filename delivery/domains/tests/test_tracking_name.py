"""Links under a name of the sender's own, once they are served there."""

import pytest

from accounts.tests.factories import make_domain, make_project
from delivery import identity
from delivery.doctor.tests.conftest import serving
from delivery.domains import checking
from delivery.domains.tests.zones import publish
from delivery.identity import Sender
from delivery.smtp.tests.certificates import make_certificate
from tracking.marking import base_at, track

DOMAIN = "shop.example"
NAME = f"track.{DOMAIN}"
PUBLIC = "click.example.net"


@pytest.fixture
def web(tmp_path, monkeypatch, dns, settings):
    """Our web server, with a certificate for the name, which DNS leads to it."""
    certificate = make_certificate(tmp_path, names=[PUBLIC, NAME])
    monkeypatch.setenv("SSL_CERT_FILE", certificate.chain)
    with serving(certificate.server_context()) as server:
        settings.PUBLIC_URL = f"https://{PUBLIC}:{server.server_port}"
        dns.zone.add(PUBLIC, "A", "127.0.0.1")
        yield server


@pytest.fixture
def domain(web, db, dns):
    domain = make_domain(make_project(), DOMAIN)
    publish(dns.zone, [r for r in checking.records_of(domain) if r.purpose == "tracking"])
    return domain


def finding(domain):
    return next(f for f in checking.check(domain) if f.purpose == "tracking")


def host(domain):
    sender = Sender(domain.project_id, DOMAIN)
    return identity.load({sender})[sender].tracking_host


def test_name_that_is_served_is_used(domain):
    assert finding(domain).state == "right"
    assert host(domain) == NAME


def test_addresses_in_place_of_the_alias_are_right(domain, dns):
    dns.zone.remove(NAME, "CNAME")
    dns.zone.add(NAME, "A", "127.0.0.1")
    assert finding(domain).state == "right"


def test_name_without_a_certificate_is_not_used(domain, tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    other = make_certificate(tmp_path / "other", names=[PUBLIC])
    monkeypatch.setenv("SSL_CERT_FILE", other.chain)
    assert finding(domain).state == "wrong"
    assert "certificate" in finding(domain).advice
    assert host(domain) is None


def test_name_of_another_server_is_not_used(domain, web):
    web.pixel = b"<html>"
    assert "another server" in finding(domain).advice
    assert host(domain) is None


def test_name_that_leads_elsewhere_is_never_called(domain, dns, web):
    dns.zone.remove(NAME, "CNAME")
    dns.zone.add(NAME, "A", "127.0.0.9")
    assert (finding(domain).state, web.asked) == ("wrong", [])


def test_name_that_is_left_out_is_missed_by_nobody(domain, dns):
    dns.zone.remove(NAME, "CNAME")
    assert finding(domain).state == "missing"
    assert "Leave it out" in finding(domain).advice
    assert host(domain) is None


def test_silent_dns_leaves_links_as_they_are(domain, dns):
    assert finding(domain).state == "right"
    dns.zone.fail(NAME)
    assert host(domain) == NAME


@pytest.mark.parametrize(
    ("url", "name", "base"),
    [
        ("https://a.example", None, "https://a.example"),
        ("https://a.example", NAME, f"https://{NAME}"),
        ("https://a.example:8443/m", NAME, f"https://{NAME}:8443/m"),
    ],
)
def test_base_of_links(url, name, base):
    assert base_at(url, name) == base


def test_links_and_pixel_begin_with_the_name(settings):
    settings.PUBLIC_URL = "https://a.example"
    html = '<a href="https://x.example/">x</a><a href="https://a.example/t/c/old">y</a>'
    ids = {"email_id": 1, "recipient_id": 2, "opens": True, "clicks": True}
    tracked = track(html, **ids, host=NAME).html
    assert tracked.count(f"https://{NAME}/t/c/") == 1
    assert f'src="https://{NAME}/t/o/' in tracked
    assert 'href="https://a.example/t/c/old"' in tracked
    assert track(tracked, **ids | {"opens": False}, host=NAME).html == tracked
