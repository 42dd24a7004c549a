"""Every way out, by the name that MAIL_TRANSPORT gives it."""

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from delivery.smtp.addresses import to_ascii_domain
from delivery.transports.base import Transport
from delivery.transports.capture import CaptureTransport
from delivery.transports.mx import MxTransport
from delivery.transports.relay import RelayTransport
from delivery.transports.url import endpoints_of

TRANSPORTS: dict[str, Callable[[], Transport]] = {
    "capture": lambda: CaptureTransport(settings.OUTBOX_ROOT),
    "relay": RelayTransport.configured,
    "mx": MxTransport.configured,
}


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


def configured_transport() -> Transport:
    """Return the transport that the settings name."""
    return TRANSPORTS[settings.MAIL_TRANSPORT]()
