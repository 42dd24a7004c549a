"""Relays of tests: a transport to scripted servers, and how one of them dies and comes back."""

from delivery.smtp.tests.scripted import ScriptedServer, drop, say
from delivery.transports.relay import RelayTransport
from delivery.transports.url import endpoints_of


def transport_to(*relays, user="", **options):
    """A transport to scripted servers, ports or hosts with ports, in that order."""
    return RelayTransport(
        *endpoints_of([url_of(relay, user) for relay in relays], "me.example"), **options
    )


def url_of(relay, user=""):
    port = relay.port if isinstance(relay, ScriptedServer) else relay
    return f"smtp://{user}127.0.0.1:{port}?tls=none"


def host_of(server):
    return f"127.0.0.1:{server.port}"


def die(server):
    """Take no more connections, and drop those that are open at their next mail."""
    server.on("greeting", drop).on("mail", drop)


def revive(server):
    server.on("greeting", say("220 scripted.example ESMTP"))
    server.on("mail", say("250 2.1.0 sender ok"))
