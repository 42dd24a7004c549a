"""Staff pages about how mail leaves, and about what came in."""

from delivery.admin.destinations import DestinationLimitAdmin
from delivery.admin.domains import SendingDomainAdmin
from delivery.admin.inbound import InboundMessageAdmin
from delivery.admin.routes import RouteAdmin
from delivery.admin.sts import MtaStsPolicyAdmin

__all__ = [
    "DestinationLimitAdmin",
    "InboundMessageAdmin",
    "MtaStsPolicyAdmin",
    "RouteAdmin",
    "SendingDomainAdmin",
]
