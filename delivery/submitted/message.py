"""One submitted message as a Submission."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from accounts.errors import ApiError
from accounts.models import Project
from delivery.mime.draft import is_message_id
from delivery.mime.entity import MalformedMime, parse_entity
from delivery.submitted.content import Content, read_content
from delivery.submitted.fields import Field, Fields, join, split_message, wrong
from delivery.submitted.options import READERS, read_options
from delivery.submitted.people import Mailboxes, mailboxes, sender_of
from delivery.submitted.words import decoded_words
from emails.addresses import Address
from emails.headers import (
    UnsafeHeader,
    check_custom_headers,
    check_header_text,
    check_written_header,
    is_ours,
)
from emails.ownership import check_sender
from emails.submission import Headers, Submission

MAX_HOPS = 50  # Received fields; a message with more goes in circles (RFC 5321 §6.3)
NAME_LIMIT = 255


class Loop(ApiError):
    """The message went through so many servers that it must go in circles."""

    def __init__(self) -> None:
        message = f"The message went through more than {MAX_HOPS} servers: it goes in circles."
        super().__init__(400, "loop", message)


@dataclass(frozen=True, slots=True)
class Message:
    """What came by SMTP: `content` has CRLF line ends, `mail_from` is "" for the null sender."""

    content: bytes
    mail_from: str
    recipients: tuple[Address, ...]

    @property
    def fingerprint(self) -> str:
        """What two submissions of one message have in common; "" without a Message-ID.

        Servers on the way to us add trace fields, another set each time.
        """
        fields, body = split_message(self.content)
        if not is_message_id(fields.one("message-id")):
            return ""
        people = sorted(address.email for address in self.recipients)
        kept = join(field for field in fields if field.key not in ("received", "return-path"))
        return hashlib.sha256(b"\0".join([repr(people).encode(), kept, body])).hexdigest()


def read(project: Project, message: Message) -> Submission:
    """Return what the message asks for.

    Raises InvalidRequest, which names what is wrong, and DomainNotOwned for a Sender (RFC 5322
    §3.6.2) of whom the project may not send: readers are shown it beside From.
    """
    fields, body = split_message(message.content)
    if len(fields.all("received")) > MAX_HOPS:
        raise Loop
    options = read_options(fields)
    content = _content(fields, body)
    to, cc, reply_to = (_people(fields, key) for key in ("to", "cc", "reply-to"))
    opens, clicks = options.track if content.may_be_marked else (False, False)
    written_id = fields.one("message-id")
    headers = _headers(fields)
    if named := headers.get("Sender"):
        check_sender(project, mailboxes(str(named)).addresses[0])
    return Submission(
        project=project,
        sender=_sender(fields, message.mail_from),
        to=to.addresses,
        cc=cc.addresses,
        reply_to=reply_to.addresses,
        envelope=message.recipients,
        subject=_subject(fields),
        html_body=content.html,
        text_body=content.text,
        headers=headers,
        message_id=written_id if is_message_id(written_id) else "",
        attachments=content.files,
        track_opens=opens,
        track_clicks=clicks,
        tags=options.tags,
        metadata=options.metadata,
        scheduled_at=options.scheduled_at,
    )


def _content(fields: Fields, body: bytes) -> Content:
    described = join(field for field in fields if field.key.startswith("content-"))
    try:
        return read_content(parse_entity(described + b"\r\n" + body))
    except MalformedMime as error:
        raise wrong("message", f"The message can't be sent: {error}.") from None


def _sender(fields: Fields, mail_from: str) -> Address:
    sender = sender_of(fields, mail_from)
    if len(sender.name) > NAME_LIMIT:
        raise wrong("From", f"Write a name of at most {NAME_LIMIT} characters.")
    return sender


def _people(fields: Fields, key: str) -> Mailboxes:
    return mailboxes(_written(fields, key))


def _written(fields: Fields, key: str) -> str:
    """Return the value of a field; some programs write one To for each recipient."""
    return ", ".join(field.value for field in fields.all(key) if field.value)


def _subject(fields: Fields) -> str:
    subject = decoded_words(fields.one("subject").replace("\t", " "))  # old programs fold with tabs
    try:
        check_header_text(subject)
    except UnsafeHeader as error:
        raise wrong("Subject", str(error)) from None
    return subject


def _headers(fields: Fields) -> Headers:
    """Return the fields that go out as they came, in the order of their first."""
    kept = [(field.name, field.value) for field in _custom(fields)]
    written = list(_as_written(fields))
    try:
        check_custom_headers(kept)
        for name, value in written:
            check_written_header(name, value)
    except UnsafeHeader as error:
        raise wrong("header", str(error)) from None
    return _by_name([*written, *kept])


def _custom(fields: Fields) -> Iterator[Field]:
    for field in fields:
        if field.value and field.key not in READERS and not is_ours(field.name):
            yield field


def _as_written(fields: Fields) -> Iterator[tuple[str, str]]:
    """Yield the fields that ours can't say in the same way."""
    for field in fields.all("received"):
        yield "Received", field.value
    for name in ("To", "Cc", "Reply-To"):
        if not _people(fields, name.lower()).exact:
            yield name, _written(fields, name.lower())
    named = mailboxes(sender := fields.one("sender"))
    if named.exact and len(named.addresses) == 1:
        yield "Sender", sender
    if (date := fields.one("date")) and _is_date(date) and not fields.all("x-mailer-schedule"):
        yield "Date", date


def _is_date(value: str) -> bool:
    try:
        return parsedate_to_datetime(value) is not None
    except (TypeError, ValueError, IndexError, OverflowError):
        return False


def _by_name(pairs: list[tuple[str, str]]) -> Headers:
    """Return values by name, a list of them where a name repeats."""
    spelled: dict[str, str] = {}
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(spelled.setdefault(name.lower(), name), []).append(value)
    return {name: found if len(found) > 1 else found[0] for name, found in values.items()}
