"""Emails, recipients and requests for tests."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.models import Project
from accounts.tests.factories import make_project
from emails.accept import accept
from emails.addresses import Address
from emails.models import Email, Recipient, Template, TemplateVersion
from emails.submission import Submission


def request_body(**values: Any) -> dict[str, Any]:
    """The least that the specification asks of `POST /api/emails`."""
    body = {
        "to_email": "ann@example.org",
        "to_name": "Ann",
        "from_email": "shop@example.com",
        "subject": "Your order",
        "html_body": "<p>It is on its way.</p>",
    }
    return {name: value for name, value in (body | values).items() if value is not ...}


def make_submission(project: Project | None = None, **values: Any) -> Submission:
    defaults: dict[str, Any] = {
        "project": project or make_project(),
        "sender": Address("shop@example.com", "Shop"),
        "to": (Address("ann@example.org", "Ann"),),
        "subject": "Your order",
        "html_body": "<p>It is on its way.</p>",
    }
    return Submission(**(defaults | values))


def make_email(project: Project | None = None, **values: Any) -> Email:
    """An accepted email, through the same door as everybody's."""
    return accept(make_submission(project, **values))


def make_recipient(project: Project | None = None, **values: Any) -> Recipient:
    """The recipient of a new email, with the row's columns set to `values`."""
    recipient = make_email(project).recipients.get()
    Recipient.objects.filter(pk=recipient.pk).update(**values)
    recipient.refresh_from_db()
    return recipient


def make_template(
    project: Project,
    subject: str = "Hello {{ name }}",
    html_body: str = "<p>Hello {{ name }}</p>",
    text_body: str = "",
) -> Template:
    template = Template.objects.create(project=project, name=f"t{Template.objects.count()}")
    template.add_version(subject, html_body, text_body)
    return template


def version_of(template: Template) -> TemplateVersion:
    version = template.current
    assert version is not None
    return version


def in_the_past(**delta: float) -> Any:
    return timezone.now() - timedelta(**delta)
