"""The rows: where mail goes, how much of it at once, and what came in that nobody could read."""

from delivery.models.destination import DestinationLimit
from delivery.models.inbound import InboundMessage
from delivery.models.route import Route

__all__ = ["DestinationLimit", "InboundMessage", "Route"]
