"""What SMTP_RELAY_URL may say."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from delivery.smtp import Timeouts, TlsMode
from delivery.transports.url import endpoint_of, endpoints_of


@pytest.mark.parametrize(
    ("url", "port", "mode"),
    [
        ("smtp://relay.example", 25, TlsMode.OPPORTUNISTIC),
        ("smtp://relay.example:2525?tls=none", 2525, TlsMode.NONE),
        ("smtp://relay.example?tls=starttls", 587, TlsMode.STARTTLS),
        ("smtps://relay.example", 465, TlsMode.TLS),
    ],
)
def test_relay_url_says_where_and_how(url, port, mode):
    endpoint = endpoint_of(url, "me.example")
    assert (endpoint.host, endpoint.port, endpoint.tls.mode) == ("relay.example", port, mode)


def test_credentials_are_unquoted():
    credentials = endpoint_of("smtp://me%40x:p%2Fw@relay.example", "me.example").credentials
    assert (credentials.username, credentials.password) == ("me@x", "p/w")
    assert "p/w" not in repr(credentials)


@pytest.mark.parametrize(
    "url",
    ["smtp://h?tls=maybe", "smtp://h?verify=no", "smtp://h?tsl=none", "smtp://h:99999", "smtp://"],
)
def test_relay_url_that_is_wrong_is_refused_with_a_sentence(url):
    with pytest.raises(ImproperlyConfigured, match=r"SMTP_RELAY_URL .*Give a URL like.*%2C"):
        endpoint_of(url, "me.example")


def test_list_names_relays_in_the_order_of_preference():
    urls = ["smtp://me:a%2Cb@one.example", "smtps://two.example"]
    one, two = endpoints_of(urls, "me.example")
    assert (one.host, one.credentials.password) == ("one.example", "a,b")
    assert (two.host, two.port, two.tls.mode) == ("two.example", 465, TlsMode.TLS)


def test_silent_relay_is_waited_for_as_the_standard_asks_unless_there_is_another():
    [alone] = endpoints_of(["smtp://one.example"], "me.example")
    assert alone.timeouts == Timeouts()
    both = endpoints_of(["smtp://one.example", "smtp://two.example"], "me.example")
    assert {(each.timeouts.connect, each.timeouts.greeting) for each in both} == {(10, 30)}
    assert {(each.timeouts.hello, each.timeouts.kept) for each in both} == {(30, 60)}
    assert {each.timeouts.command for each in both} == {300}
    assert {each.timeouts.final for each in both} == {600}


def test_wrong_relay_anywhere_in_the_list_is_refused():
    with pytest.raises(ImproperlyConfigured, match="tls=maybe"):
        endpoints_of(["smtp://one.example", "smtp://two.example?tls=maybe"], "me.example")
