"""Staff read emails, cancel them and write templates."""

from emails.admin.emails import EmailAdmin
from emails.admin.templates import TemplateAdmin

__all__ = ["EmailAdmin", "TemplateAdmin"]
