"""What stops a process at its start, before anything is sent."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from delivery.transports.configured import check_settings
from delivery.transports.mx import MxTransport
from delivery.transports.pool import Place
from delivery.transports.relay import RelayTransport


@pytest.mark.parametrize("name", ["", "no name", "a..example", "<mail.example>"])
def test_name_that_no_server_can_have_is_told_in_a_sentence(settings, name):
    settings.HELO_NAME = name
    with pytest.raises(ImproperlyConfigured, match=r"^HELO_NAME is wrong .*\.$"):
        check_settings()


def test_relay_that_cannot_be_understood_is_told_whatever_the_transport(settings):
    settings.MAIL_TRANSPORT = "mx"
    settings.SMTP_RELAY_URL = ["smtp://relay.example.com?tls=often"]
    with pytest.raises(ImproperlyConfigured, match="tls=often"):
        check_settings()


def test_relay_is_given_no_more_connections_than_the_setting_says(settings):
    settings.SMTP_RELAY_URL, settings.RELAY_MAX_CONNECTIONS = ["smtp://relay.example.com"], 2
    transport = RelayTransport.configured()
    transport.patience = 0.05
    places = [isinstance(transport.take([]), Place) for _ in range(3)]
    assert places == [True, True, False]


@pytest.mark.django_db(transaction=True)
def test_exchanger_transport_is_made_of_its_settings(settings):
    settings.DNS_SERVERS, settings.MX_PORT = ["127.0.0.1:1"], 2525
    transport = MxTransport.configured()
    try:
        assert (transport.name, transport.connections()) == ("mx", 0)
        assert transport.hosts._terms.port == 2525
    finally:
        transport.close()
