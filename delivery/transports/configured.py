"""Every way out, as MAIL_TRANSPORT and the routes of staff name it."""

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from delivery.routing import Routing
from delivery.smtp.addresses import to_ascii_domain
from delivery.smtp.dns import DnsError, Resolver
from delivery.transports.base import Transport
from delivery.transports.capture import CaptureTransport
from delivery.transports.mx import MxTransport
from delivery.transports.relay import RelayTransport
from delivery.transports.routed import RoutedTransport
from delivery.transports.url import endpoints_of


def check_settings() -> None:
    """Raise ImproperlyConfigured with a sentence where a setting of a way out is wrong.

    Nothing is opened or begun, as every process asks, also those that send nothing.
    """
    try:
        to_ascii_domain(settings.HELO_NAME)
    except ValueError as error:
        raise ImproperlyConfigured(
            f"HELO_NAME is wrong ({error}). Give this server's name in DNS, like mail.example.com."
        ) from None
    endpoints_of(settings.SMTP_RELAY_URL, settings.HELO_NAME)
    if settings.MAIL_TRANSPORT == "mx":
        _check_name_servers()


def _check_name_servers() -> None:
    try:
        Resolver(settings.DNS_SERVERS)
    except DnsError as error:
        raise ImproperlyConfigured(
            f"MAIL_TRANSPORT is mx, but {error}. Set DNS_SERVERS to the addresses of name servers."
        ) from None


def configured_transport(made: Callable[[Transport], None] = lambda transport: None) -> Transport:
    """Return the way out of the settings; with `capture` nothing leaves, whatever routes say.

    Every transport that is made for it, now or when a route first names it, goes to `made`.
    """
    if settings.MAIL_TRANSPORT == "capture":
        capture = CaptureTransport(settings.OUTBOX_ROOT)
        made(capture)
        return capture
    makers: dict[str, Callable[[], Transport]] = {"mx": MxTransport.configured}
    if settings.SMTP_RELAY_URL:
        makers["relay"] = RelayTransport.configured
    return RoutedTransport(settings.MAIL_TRANSPORT, makers, Routing.configured(), made)
