"""Staff pages about how mail leaves."""

from delivery.admin.destinations import DestinationLimitAdmin
from delivery.admin.routes import RouteAdmin
from delivery.admin.sts import MtaStsPolicyAdmin

__all__ = ["DestinationLimitAdmin", "MtaStsPolicyAdmin", "RouteAdmin"]
