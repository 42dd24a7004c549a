"""What staff see of delivery."""

from delivery.admin.inbound import InboundMessageAdmin

__all__ = ["InboundMessageAdmin"]
