"""The rows: projects, the keys that speak for them, and the domains that they send from."""

from accounts.models.access import ApiKey, IdempotencyKey, Project
from accounts.models.dkim_key import DkimKey
from accounts.models.domain import SendingDomain

__all__ = ["ApiKey", "DkimKey", "IdempotencyKey", "Project", "SendingDomain"]
