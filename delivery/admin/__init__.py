"""Staff pages about how mail leaves."""

from delivery.admin.routes import RouteAdmin
from delivery.admin.sts import MtaStsPolicyAdmin

__all__ = ["MtaStsPolicyAdmin", "RouteAdmin"]
