"""Everything that the page of one email shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from emails.admin.timeline import timeline
from emails.framing import framed
from emails.headers import header_pairs
from emails.models import Email, Recipient, Status
from emails.models.recipient import FINAL
from emails.rendering import MissingVariables, Rendered, RenderFailed, render_to_send

BADGES = {  # the colours of unfold's labels
    Status.SCHEDULED: "info",
    Status.QUEUED: "info",
    Status.SENDING: "primary",
    Status.DEFERRED: "warning",
    Status.DELIVERED: "success",
    Status.BOUNCED: "danger",
    Status.EXPIRED: "danger",
    Status.FAILED: "danger",
    Status.CANCELLED: "",
    Status.SUPPRESSED: "",
}


@dataclass(frozen=True, slots=True)
class RecipientLine:
    """One recipient and where its copy is."""

    row: Recipient
    badge: str
    next_attempt: datetime | None  # None once nothing will be tried any more


def detail_of(pk: int) -> dict[str, Any]:
    """Return the context of the page. Raises Email.DoesNotExist."""
    related = Email.objects.select_related("project", "template_version__template")
    email = related.prefetch_related("recipients").get(pk=pk)
    entries, has_more_events = timeline(email)
    rendered, problem = _rendered(email)
    return {
        "email": email,
        "badge": BADGES[email.status],
        "subject": rendered.subject if rendered else email.subject,
        "addresses": list(_addresses(email)),
        "recipients": [_line(row) for row in email.recipients.all()],
        "timeline": entries,
        "has_more_events": has_more_events,
        "preview": framed(rendered.html) if rendered and rendered.html else "",
        "text": rendered.text if rendered else "",
        "problem": problem,
        "attachments": list(email.attachments.select_related("upload")),
        "headers": header_pairs(email.headers),
        "version": email.template_version,
    }


def _rendered(email: Email) -> tuple[Rendered | None, str]:
    """Return what the reader sees, or the reason why there is nothing to see."""
    try:
        return render_to_send(email), ""
    except MissingVariables as missing:
        return None, f"The template lacks variables: {missing}."
    except RenderFailed as failure:
        return None, f"The template can't be rendered: {failure}."


def _addresses(email: Email) -> Iterator[tuple[str, str]]:
    yield "From", _written([{"email": email.from_email, "name": email.from_name}])
    named = (("To", email.to), ("Cc", email.cc), ("Bcc", email.bcc), ("Reply-To", email.reply_to))
    for header, people in named:
        if people:
            yield header, _written(people)


def _written(people: list[dict[str, str]]) -> str:
    return ", ".join(
        f"{person['name']} <{person['email']}>" if person.get("name") else person["email"]
        for person in people
    )


def _line(row: Recipient) -> RecipientLine:
    ended = row.status in FINAL
    return RecipientLine(row, BADGES[Status(row.status)], None if ended else row.next_attempt_at)
