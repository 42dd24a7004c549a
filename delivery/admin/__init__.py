"""Staff pages about how mail leaves."""

from delivery.admin.domains import SendingDomainAdmin

__all__ = ["SendingDomainAdmin"]
