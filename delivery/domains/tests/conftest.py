"""A DNS server that the settings name."""

import pytest

from delivery.domains.tests.zones import MAIL_HOST, PUBLIC_URL, publish_installation
from tests.dns_server import DnsServer


@pytest.fixture(scope="module")
def dns_server():
    with DnsServer() as server:
        yield server


@pytest.fixture
def dns(dns_server, settings):
    """The zone of the operator; what the owner of a domain publishes is the test's."""
    settings.DNS_SERVERS = [dns_server.address]
    settings.HELO_NAME = MAIL_HOST
    settings.PUBLIC_URL = PUBLIC_URL
    settings.SENDING_ADDRESSES = []
    dns_server.zone.clear()
    publish_installation(dns_server.zone)
    return dns_server
