"""Staff read emails, cancel them, write templates, and keep the list of suppressed addresses."""

from emails.admin.emails import EmailAdmin
from emails.admin.suppressions import SuppressionAdmin
from emails.admin.templates import TemplateAdmin

__all__ = ["EmailAdmin", "SuppressionAdmin", "TemplateAdmin"]
