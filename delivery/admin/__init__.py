"""Staff say how much of our mail a destination gets."""

from delivery.admin.destinations import DestinationLimitAdmin

__all__ = ["DestinationLimitAdmin"]
