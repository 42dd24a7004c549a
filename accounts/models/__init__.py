"""The rows: projects, the keys that speak for them, and the domains that they send from."""

from accounts.models.access import ApiKey, IdempotencyKey, Project
from accounts.models.domain import DkimKey, SendingDomain

__all__ = ["ApiKey", "DkimKey", "IdempotencyKey", "Project", "SendingDomain"]
