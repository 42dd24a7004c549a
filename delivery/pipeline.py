"""From a claimed recipient to an envelope: a list of named steps, each from value to value."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

from django.utils import timezone

from accounts.encryption import Undecryptable
from delivery.claim import Delivery
from delivery.mime import Draft, Part, assemble
from delivery.mime.draft import split_fields
from delivery.mime.splicing import with_html
from delivery.return_paths import return_path
from delivery.smtp import dkim
from delivery.smtp.waiting import WAITER
from delivery.transports.base import Envelope
from emails.addresses import Address
from emails.headers import UnsafeHeader
from emails.models import Attachment
from emails.rendering import MissingVariables, RenderFailed, render_to_send
from emails.templating import Limits
from tracking.marking import track
from uploads.filenames import UnsafeFilename

logger = logging.getLogger(__name__)

# It was rendered within a second when it was accepted; here the processor may be slower or shared.
UNHURRIED = Limits(seconds=10)


class Unsendable(Exception):
    """The email can't be made into a message, now or later; the text says why."""


class NotNow(Exception):
    """The email can't be made into a message before something is mended; the text says what."""


class Copy(NamedTuple):  # each step makes a new one: with a dataclass that alone is 5 % of the work
    """One recipient's copy in the making."""

    delivery: Delivery
    subject: str = ""
    html: str = ""
    text: str = ""
    content: bytes = b""


def render_content(copy: Copy) -> Copy:
    """Fill the template, or take the bodies as they came; a missing text is made from the HTML.

    `<style>` is brought into the elements, where mail programs read it.
    """
    try:
        content = render_to_send(copy.delivery.email, UNHURRIED)
    except (MissingVariables, RenderFailed) as error:
        raise Unsendable(f"the template can't be rendered: {error}") from None
    return Copy(copy.delivery, content.subject, content.html, content.text)


def add_tracking(copy: Copy) -> Copy:
    """Rewrite the links and add the pixel, with tokens of this recipient's own."""
    email, recipient = copy.delivery.email, copy.delivery.recipient
    tracked = track(
        copy.html,
        email_id=email.pk,
        recipient_id=recipient.recipient_id,
        opens=email.track_opens,
        clicks=email.track_clicks,
        host=copy.delivery.identity.tracking_host,
    )
    for warning in tracked.warnings:
        logger.warning(warning, extra=copy.delivery.log)
    return copy._replace(html=tracked.html)


def assemble_message(copy: Copy) -> Copy:
    """Write the RFC 5322 message."""
    email = copy.delivery.email
    written, custom = split_fields(email.headers)
    body, files = _body_and_files(email.attachments)
    draft = Draft(
        from_=Address(email.from_email, email.from_name),
        to=_addresses(email.to),
        cc=_addresses(email.cc),
        reply_to=_addresses(email.reply_to),
        subject=copy.subject,
        html=copy.html or None,
        text=copy.text or None,
        headers=custom,
        written=written,
        message_id=email.rfc_message_id,
        date=email.scheduled_at or email.created_at,
        attachments=tuple(map(_part, files)),
        entity=_marked(copy, _read(body)) if body else None,
    )
    try:
        return copy._replace(content=assemble(draft))
    except (UnsafeHeader, UnsafeFilename) as error:
        raise Unsendable(str(error)) from None


def sign(copy: Copy) -> Copy:
    """Put the DKIM signatures of the sender's domain on top; without a key of it, none."""
    try:
        signers = copy.delivery.identity.signers
    except Undecryptable as error:
        logger.error("mail can't be signed: %s", error, extra=copy.delivery.log)
        raise NotNow(f"it can't be signed: {error}") from None
    if not signers:
        return copy
    WAITER.get().pause()  # what signs in a row finds the processor's caches warm
    return copy._replace(content=dkim.sign(copy.content, signers, timezone.now()))


STEPS: tuple[Callable[[Copy], Copy], ...] = (
    render_content,
    add_tracking,
    assemble_message,
    sign,
)


def compose(delivery: Delivery) -> Envelope:
    """Return the envelope. Raises Unsendable where it never can be made, NotNow where it can't now.

    OSError is trouble with the storage of its attachments.
    """
    copy = Copy(delivery)
    for step in STEPS:
        copy = step(copy)
    return Envelope(
        message_id=delivery.email.public_id,
        project_id=delivery.email.project_id,
        recipient_id=delivery.recipient.recipient_id,
        attempt=delivery.recipient.attempts,
        mail_from=return_path(delivery),
        rcpt_to=delivery.recipient.address,
        content=copy.content,
        may_send=delivery.lease.held,
    )


def _addresses(written: list[dict[str, str]]) -> tuple[Address, ...]:
    return tuple(Address(item["email"], item["name"]) for item in written)


def _body_and_files(
    attachments: Sequence[Attachment],
) -> tuple[Attachment | None, Sequence[Attachment]]:
    """Return the body that came as it is, where there is one, and the files beside it."""
    if attachments and attachments[0].disposition == Attachment.Disposition.BODY:
        return attachments[0], attachments[1:]
    return None, attachments


def _marked(copy: Copy, body: bytes) -> bytes:
    """Return a body that came as it is, with the tracked HTML in its place."""
    email = copy.delivery.email
    if copy.html and (email.track_opens or email.track_clicks):
        return with_html(body, copy.html)
    return body


def _part(attachment: Attachment) -> Part:
    return Part(
        filename=attachment.name,
        content_type=attachment.content_type,
        content=_read(attachment),
        content_id=attachment.content_id or None,
        disposition="inline" if attachment.content_id else "attachment",
    )


def _read(attachment: Attachment) -> bytes:
    """The storage may be far away, and others share the thread."""
    return WAITER.get().elsewhere(attachment.upload.read)
