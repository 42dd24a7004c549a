"""Whatever is submitted is taken or refused by name; what is taken arrives whole."""

from __future__ import annotations

import re
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from accounts.errors import InvalidRequest
from accounts.models import Project
from delivery.mime import Draft, Part, assemble
from delivery.mime.draft import split_fields
from delivery.mime.entity import MalformedMime, parse_entity
from delivery.mime.splicing import html_part, seven_bit, with_html
from delivery.submitted import Message, read
from delivery.tests.messages import assert_fit_for_smtp
from delivery.tests.submitting import ANN, parsed, text_of
from emails.rows import email_row
from emails.submission import Submission

PROJECT = Project(pk=1, name="p", slug="p")

tokens = st.sampled_from(
    [
        *(
            b"\r\n",
            b"\r\n\r\n",
            b"--b",
            b"--b--",
            b"--c",
            b" ",
            b"\t",
            b":",
            b";",
            b"=",
            b'"',
            b"(",
        ),
        *(b"From: a@b.example", b"To: ", b"Subject: ", b"Date: ", b"Sender: ", b"Reply-To: "),
        *(b"Content-Type: multipart/mixed; boundary=b", b"multipart/alternative; boundary=c"),
        *(b"Content-Type: text/html", b"charset=utf-16", b"charset=x", b"filename*0*=utf-8''%C3"),
        *(b"Content-Disposition: attachment; filename=", b"Content-ID: <a>", b"Content-ID: "),
        *(b"Content-Transfer-Encoding: base64", b"Content-Transfer-Encoding: quoted-printable"),
        *(
            b"=?utf-8?b?",
            b"=?utf-8?q?=C3?=",
            b"?=",
            b"<",
            b">",
            b"@",
            b",",
            b"[",
            b"\\",
            b"(" * 3000,
        ),
        *(b"\xff", b"\xc3\xa4", b"\0", b"QUJD", b"<a href='https://x.example/'>x</a>", b"x" * 1200),
        *(
            b"X-Mailer-Track: ",
            b"X-Mailer-Schedule: ",
            b"X-Mailer-Metadata: {",
            b"Message-ID: <a@b>",
        ),
    ]
)
noise = st.lists(tokens | st.binary(max_size=5), max_size=40).map(b"".join)
with_sender = noise.map(lambda rest: b"From: a@b.example\r\n" + rest)


@given(noise | with_sender)
def test_any_bytes_are_taken_or_refused_with_reasons(content: bytes) -> None:
    content = re.sub(rb"\r(?!\n)|(?<!\r)\n", b"", content)  # the listener refuses these
    submission = taken(Message(content, "", (ANN,)))
    if submission:
        assert str(parsed(assembled(submission))["From"])


def taken(message: Message) -> Submission | None:
    try:
        assert isinstance(message.fingerprint, str)
        return read(PROJECT, message)
    except InvalidRequest as refused:
        return None if refused.fields else pytest.fail("refused without a reason")


def assembled(submission, html: str | None = None) -> bytes:
    """The message as delivery assembles it, without tracking."""
    row = email_row(submission)
    written, custom = split_fields(row.headers)
    body = next((file.content for file in submission.attachments if file.is_body), None)
    return assemble(
        Draft(
            from_=submission.sender,
            to=submission.to,
            cc=submission.cc,
            reply_to=submission.reply_to,
            subject=row.subject,
            html=row.html_body or None,
            text=row.text_body or None,
            headers=custom,
            written=written,
            message_id=row.rfc_message_id,
            date=row.created_at,
            attachments=tuple(part(file) for file in submission.attachments),
            entity=body,
        )
    )


def part(file) -> Part:
    shown = "inline" if file.content_id else "attachment"
    kind = "message/rfc822" if file.is_body else file.content_type
    return Part(file.name, kind, file.content, file.content_id or None, shown)


letters = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=200)
words = st.text("aä€ .=?_,;:\"'()<>@/", max_size=60).map(str.strip)
names = (
    st.text("aä€ .=_,;'()-", min_size=1, max_size=80)
    .map(str.strip)
    .filter(lambda name: name not in ("", ".", ".."))
)
files = st.lists(st.tuples(names, st.binary(min_size=1, max_size=300)), max_size=3)


@given(words, letters, letters.filter(str.strip), files, files)
def test_message_of_the_standard_library_arrives_whole(
    subject: str, text: str, html: str, images, attached
) -> None:
    message = EmailMessage()
    message["From"], message["To"] = "shop@example.com", "ann@example.org"
    message["Subject"] = subject
    message.set_content(text, cte="base64")
    message.add_alternative(html, subtype="html", cte="base64")
    related = message.get_payload()[1]
    assert isinstance(related, MIMEPart)
    for number, (filename, content) in enumerate(images):
        related.add_related(content, "image", "png", cid=f"<{number}>", filename=filename)
    for filename, content in attached:
        message.add_attachment(content, "application", "pdf", filename=filename)
    content = message.as_bytes(policy=SMTP)

    sent = assembled(read(PROJECT, Message(content, "", (ANN,))))
    assert_fit_for_smtp(sent)
    arrived = parsed(sent)
    assert str(arrived["Subject"] or "") == str(parsed(content)["Subject"] or "")
    assert text_of(arrived).rstrip("\n") == text.replace("\r\n", "\n").rstrip("\n")
    assert text_of(arrived, "html").rstrip("\n") == html.rstrip("\n")
    got = [each.get_content() for each in arrived.walk() if each.get_content_type() == "image/png"]
    assert got == [content for _, content in images]
    assert [(each.get_filename(), each.get_content()) for each in arrived.iter_attachments()] == [
        (filename, content) for filename, content in attached
    ]


@given(noise, noise, noise)
def test_only_the_html_is_replaced(before: bytes, html: bytes, after: bytes) -> None:
    start = b"Content-Type: multipart/mixed; boundary=zz\r\n\r\n" + before + b"\r\n--zz\r\n"
    source = start + b"Content-Type: text/html\r\n\r\n" + html + b"\r\n--zz\r\n\r\n" + after
    try:
        found = html_part(parse_entity(source))
    except MalformedMime:
        return
    if found is None:
        return
    changed = with_html(source, "<p>new</p>")
    assert changed.startswith(source[: found.start])
    assert changed.endswith(source[found.end :])
    again = html_part(parse_entity(changed))
    assert again is not None
    assert again.decoded.strip() == b"<p>new</p>"


@given(noise)
@example(b" --b\r\n\r\n" + b"(" * 999)  # a first line of the header that continues no field
def test_encoding_changes_no_part(source: bytes) -> None:
    source = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + source
    try:
        before = parse_entity(source)
        kept = [each.decoded for each in before.walk() if not each.children]
        after = parse_entity(seven_bit(before))
    except MalformedMime:
        return
    assert [each.decoded for each in after.walk() if not each.children] == kept
