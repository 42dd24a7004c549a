"""Staff pages about how mail leaves, and what comes back."""

from delivery.admin.domains import SendingDomainAdmin
from delivery.admin.inbound import InboundMessageAdmin

__all__ = ["InboundMessageAdmin", "SendingDomainAdmin"]
