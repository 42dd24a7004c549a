"""The rows: what we accepted, for whom, and what became of it."""

from emails.models.email import Attachment, Email, new_public_id
from emails.models.event import EmailEvent, EventType
from emails.models.recipient import Priority, Recipient, Status
from emails.models.suppression import Suppression
from emails.models.template import Template, TemplateVersion

__all__ = [
    "Attachment",
    "Email",
    "EmailEvent",
    "EventType",
    "Priority",
    "Recipient",
    "Status",
    "Suppression",
    "Template",
    "TemplateVersion",
    "new_public_id",
]
