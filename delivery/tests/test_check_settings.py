"""Settings of the ways out that only show when they are used: found at the start."""

import dns.resolver
import pytest
from django.core.exceptions import ImproperlyConfigured

from delivery.transports.configured import check_settings


@pytest.fixture
def _no_name_servers(monkeypatch):
    def nothing(self, file):
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.resolver.Resolver, "read_resolv_conf", nothing)


@pytest.mark.usefixtures("_no_name_servers")
def test_mail_server_without_name_servers_is_told_so(settings):
    settings.MAIL_TRANSPORT = "mx"
    with pytest.raises(ImproperlyConfigured, match=r"no DNS servers .* Set DNS_SERVERS"):
        check_settings()
    settings.DNS_SERVERS = ["127.0.0.1:5300"]
    check_settings()


@pytest.mark.usefixtures("_no_name_servers")
def test_relay_needs_no_name_servers(settings):
    settings.MAIL_TRANSPORT, settings.SMTP_RELAY_URL = "relay", ["smtp://relay.example.com"]
    check_settings()


def test_relay_that_only_routes_name_is_checked_too(settings):
    settings.MAIL_TRANSPORT, settings.DNS_SERVERS = "mx", ["127.0.0.1"]
    settings.SMTP_RELAY_URL = ["smtp://relay.example.com?tls=perhaps"]
    with pytest.raises(ImproperlyConfigured, match="SMTP_RELAY_URL has tls=perhaps"):
        check_settings()
