"""What somebody asks us to send: the value that the API and every other door in builds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from accounts.models import Project
from emails.addresses import Address
from emails.models import Priority, TemplateVersion
from uploads.models import Upload

Headers = Mapping[str, str | list[str]]
"""Custom fields by name, with all values of one that repeats."""


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A file that goes along: an upload, or content that came with the request."""

    name: str
    content_type: str = ""  # "" is found by content
    content_id: str = ""  # with one, it is an inline image
    upload: Upload | None = None
    content: bytes = b""
    is_body: bool = False  # the message's whole body as its program wrote it, MIME fields included

    @property
    def size(self) -> int:
        """Bytes before any encoding."""
        return self.upload.size if self.upload else len(self.content)


@dataclass(frozen=True, slots=True)
class Submission:
    """One email to be sent. Validated in form; `accept` checks what takes the database."""

    project: Project
    sender: Address
    to: tuple[Address, ...]
    subject: str | None = None
    html_body: str | None = None
    text_body: str | None = None
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    template_version: TemplateVersion | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    headers: Headers = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    attachments: tuple[AttachedFile, ...] = ()
    track_opens: bool = True
    track_clicks: bool = True
    scheduled_at: datetime | None = None
    expires_in: int | None = None  # seconds after its time
    priority: Priority = Priority.SINGLE
    # Who gets it, where that is not who stands in To, Cc and Bcc: by SMTP the envelope decides.
    envelope: tuple[Address, ...] | None = None
    message_id: str = ""  # RFC 5322 Message-ID of the program's own, with its angle brackets
