"""X-Forwarded-*: believed from TRUSTED_PROXIES, and from nobody else."""

from ipaddress import ip_network

import pytest
from django.http import HttpResponse

from mailer.proxies import TrustedProxyMiddleware

PROXIES = ["10.0.0.0/8", "2001:db8:1::/48", "192.0.2.1"]
READER = "203.0.113.9"


@pytest.fixture(autouse=True)
def proxies(settings):
    settings.TRUSTED_PROXIES = [ip_network(proxy) for proxy in PROXIES]


def seen(rf, peer, **headers):
    """Return the request as the views see it."""
    requests = []

    def view(request):
        requests.append(request)
        return HttpResponse()

    TrustedProxyMiddleware(view)(rf.get("/", REMOTE_ADDR=peer, headers=headers))
    return requests[0]


@pytest.mark.parametrize("peer", [READER, "2001:db8:2::1", "11.0.0.1", "", "unix:", "10.0.0.x"])
def test_stranger_can_claim_nothing(rf, peer):
    request = seen(
        rf,
        peer,
        X_Forwarded_For="198.51.100.7",
        X_Forwarded_Proto="https",
        X_Forwarded_Host="evil.example",
    )
    assert request.META["REMOTE_ADDR"] == peer
    assert not request.is_secure()
    assert not [name for name in request.META if name.startswith("HTTP_X_FORWARDED")]


@pytest.mark.parametrize(
    "peer", ["10.1.2.3", "192.0.2.1", "2001:db8:1::5", "::ffff:10.1.2.3", "::FFFF:192.0.2.1"]
)
def test_proxy_of_ours_is_believed(rf, peer):
    request = seen(rf, peer, X_Forwarded_For=READER, X_Forwarded_Proto="https")
    assert request.META["REMOTE_ADDR"] == READER
    assert request.is_secure()


@pytest.mark.parametrize(
    ("forwarded", "reader"),
    [
        (READER, READER),
        (f"198.51.100.7, {READER}", READER),  # the reader wrote the first one
        (f"198.51.100.7, {READER}, 10.9.9.9", READER),
        (f"127.0.0.1,{READER} , 2001:db8:1::9,10.9.9.9", READER),
        ("2001:DB8:2::1", "2001:db8:2::1"),
        (f"::ffff:{READER}", READER),
        ("10.9.9.9", "10.1.2.3"),  # from within: nobody but proxies is named
        ("", "10.1.2.3"),
        (",,", "10.1.2.3"),
        ("unknown", "10.1.2.3"),
        ("198.51.100.7, garbage", "10.1.2.3"),  # not further left, which anybody may have written
        ("x" * 10_000, "10.1.2.3"),
    ],
)
def test_nearest_hop_that_is_not_ours_is_the_reader(rf, forwarded, reader):
    assert seen(rf, "10.1.2.3", X_Forwarded_For=forwarded).META["REMOTE_ADDR"] == reader


def test_proxy_without_a_header_is_the_reader_itself(rf):
    request = seen(rf, "10.1.2.3")
    assert request.META["REMOTE_ADDR"] == "10.1.2.3"
    assert not request.is_secure()


@pytest.mark.parametrize(("proto", "secure"), [("https", True), ("http", False), ("", False)])
def test_scheme_is_the_one_that_the_proxy_saw(rf, proto, secure):
    assert seen(rf, "10.1.2.3", X_Forwarded_Proto=proto).is_secure() is secure


def test_without_trusted_proxies_nobody_is_believed(rf, settings):
    settings.TRUSTED_PROXIES = []
    assert seen(rf, "127.0.0.1", X_Forwarded_For=READER).META["REMOTE_ADDR"] == "127.0.0.1"


def test_forwarded_host_chooses_no_host(rf):
    request = seen(rf, "10.1.2.3", X_Forwarded_Host="evil.example")
    assert request.get_host() == "testserver"
