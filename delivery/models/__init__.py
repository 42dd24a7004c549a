"""The rows: where mail goes and how much at once, what domains promise, what nobody could read."""

from delivery.models.destination import DestinationLimit
from delivery.models.inbound import InboundMessage
from delivery.models.route import Route
from delivery.models.sts import MtaStsPolicy

__all__ = ["DestinationLimit", "InboundMessage", "MtaStsPolicy", "Route"]
