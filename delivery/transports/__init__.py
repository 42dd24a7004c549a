"""Every way out, by the name that MAIL_TRANSPORT gives it."""

from collections.abc import Callable

from django.conf import settings

from delivery.transports.base import Transport
from delivery.transports.capture import CaptureTransport
from delivery.transports.mx import MxTransport
from delivery.transports.relay import RelayTransport

TRANSPORTS: dict[str, Callable[[], Transport]] = {
    "capture": lambda: CaptureTransport(settings.OUTBOX_ROOT),
    "relay": RelayTransport.configured,
    "mx": MxTransport.configured,
}


def configured_transport() -> Transport:
    """Return the transport that the settings name."""
    return TRANSPORTS[settings.MAIL_TRANSPORT]()
