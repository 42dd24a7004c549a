"""From POST /api/emails to the bytes of each copy: what was asked for stands there, read back."""

import base64
from email.utils import parsedate_to_datetime

import pytest

from accounts.tests.factories import make_client
from delivery.claim import claim
from delivery.pipeline import compose
from delivery.tests.messages import (
    assert_fit_for_smtp,
    content,
    header_text,
    read,
    read_addresses,
)
from emails.addresses import parse_address
from emails.models import Email
from emails.tests.factories import request_body

pytestmark = pytest.mark.django_db

ONCE = ["Date", "Message-ID", "From", "To", "Subject", "MIME-Version", "Content-Type"]


def copies(**values):
    """Send, and compose the copy of every recipient."""
    answer = make_client().post("/api/emails", request_body(**values), format="json")
    assert answer.status_code == 202, answer.content
    return {envelope.rcpt_to: envelope for envelope in map(compose, claim(100, 60))}


def only_copy(**values):
    [envelope] = copies(**values).values()
    message = envelope.content
    assert_fit_for_smtp(message)
    parsed = read(message)
    for name in ONCE:
        assert len(parsed.get_all(name)) == 1, name
    assert "Bcc" not in parsed
    return message


TEXTS = {
    "long": "a" * 255,
    "words": " ".join(["word"] * 51),
    "emoji": "👩‍👩‍👧‍👦" * 20 + "🏳️‍🌈",
    "right to left": "שלום \u200fعليكم \u202babc\u202c",
    "combining": "e\u0301" * 120,
    "looks encoded": "=?utf-8?q?=0D=0ABcc:_eve=40example.org?=",
    "quotes": '"Ann" \\ (x) <eve@example.org>, ;:@[]',
    "tab": "a\tb",
    "spaces": "  a   b  ",
    "no-break space": "\u00a0a\u00a0",
    "header": "Bcc: eve@example.org",
    "percent": "%s %(x)s {0} {{ x }} ${x}",
    "zero width": "\u200b\u200d\ufeff",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_names_and_subject_are_read_as_they_were_written(text):
    message = only_copy(subject=text, to_name=text, from_name=text)
    assert header_text(message, "Subject") == text
    [sender] = read_addresses(message, "From")
    [reader] = read_addresses(message, "To")
    assert (sender.email, sender.name) == ("shop@example.com", text)
    assert (reader.email, reader.name) == ("ann@example.org", text)


@pytest.mark.parametrize("character", ["a", "é", "👋", "a "], ids=ascii)
def test_longest_subject_is_read_as_it_was_written(character):
    subject = (character * 998)[:998]
    assert header_text(only_copy(subject=subject), "Subject") == subject


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("List-Unsubscribe", "<https://example.org/u/" + "a" * 900 + ">"),
        ("List-Unsubscribe", ", ".join(f"<https://example.org/{'u' * 60}/{n}>" for n in range(9))),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("References", " ".join(f"<{'a' * 60}.{n}@example.org>" for n in range(50))),
        ("X-Long", "word " * 700 + "end"),
        ("X-" + "N" * 48, "v" * 940),
        ("Auto-Submitted", "auto-generated"),
    ],
)
def test_custom_header_for_programs_is_never_encoded(name, value):
    message = only_copy(headers={name: value})
    header = message.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ")
    assert f"\r\n{name}: {value}\r\n".encode() in header + b"\r\n"
    assert b"=?" not in header


def test_custom_header_for_people_is_read_as_it_was_written():
    assert header_text(only_copy(headers={"X-Note": "Grüße 👋"}), "X-Note") == "Grüße 👋"


def test_every_copy_shows_to_and_cc_and_no_copy_shows_bcc():
    cc = [f"Näme {n} <cc{n}@example.org>" for n in range(24)]
    bcc = [{"email": f"hidden{n}@example.org", "name": f"Hidden {n}"} for n in range(25)]
    sent = copies(cc=cc, bcc=bcc, reply_to=["Help, Desk <help@example.com>"])
    assert len(sent) == 50
    for envelope in sent.values():
        assert_fit_for_smtp(envelope.content)
        assert b"idden" not in envelope.content
        assert read_addresses(envelope.content, "Cc") == tuple(map(parse_address, cc))
        assert read_addresses(envelope.content, "Reply-To") == (
            parse_address("Help, Desk <help@example.com>"),
        )
    identities = {header_text(envelope.content, "Message-ID") for envelope in sent.values()}
    assert identities == {Email.objects.get().rfc_message_id}


def test_international_domain_goes_out_as_a_labels():
    message = only_copy(to_email="ann@münchen.example", from_email="shop@例子.example")
    assert b"ann@xn--mnchen-3ya.example" in message
    assert b"shop@xn--fsqu00a.example" in message
    assert b"@xn--fsqu00a.example>\r\n" in message  # the Message-ID


def test_international_local_part_stands_in_the_header_as_it_is():
    [envelope] = copies(to_email="jörg@example.org").values()
    assert "<jörg@example.org>".encode() in envelope.content
    assert envelope.rcpt_to == "jörg@example.org"


def test_longest_domain_of_a_sender_can_be_sent():
    domain = ".".join(["d" * 60] * 4)[:243]
    message = only_copy(from_email=f"shop@{domain}")
    assert header_text(message, "Message-ID").endswith(f"@{domain}>")


def test_date_is_that_of_the_acceptance():
    message = only_copy()
    accepted = Email.objects.get().created_at.replace(microsecond=0)
    assert parsedate_to_datetime(header_text(message, "Date")) == accepted


@pytest.mark.parametrize(
    "text",
    [
        "x" * 100_000,
        "\r\n.\r\n..\r\nQUIT\r\n",
        "a\rb\nc\r\n\r\nFrom here\nFrom \n",
        "é" * 5000,
        "trailing  \n\t\n",
        "no line end",
        "--=_alternative\n--boundary--\n",
        "\x00".replace("\x00", "\x01\x7f\x85\u2028"),
    ],
    ids=lambda text: ascii(text)[:20],
)
def test_bodies_are_read_as_they_were_written(text):
    html = f"<p>{text}</p>"
    message = only_copy(text_body=text, html_body=html, track_opens=False, track_clicks=False)
    bodies = {part.get_content_type(): content(part) for part in read(message).walk() if leaf(part)}
    assert lines(bodies["text/plain"]) == lines(text)
    assert lines(bodies["text/html"]) == lines(html)


def leaf(part):
    return not part.is_multipart()


def lines(text):
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.removesuffix("\n").split("\n")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "name",
    [
        "a.txt",
        "Grüße 漢字 👋.pdf",
        'a "quoted"; name=x.txt',
        "=?utf-8?q?x?=.txt",
        "x" * 251 + ".txt",
    ],
)
def test_attachment_keeps_its_name_and_every_octet(name):
    octets = bytes(range(256)) * 40 + b"\r\n.\r\n"
    file = {"filename": name, "content": base64.b64encode(octets).decode()}
    image = file | {"content_id": "logo@x", "content_type": "image/png"}
    parsed = read(only_copy(attachments=[file, image]))
    attached = {part.get_content_disposition(): part for part in parsed.walk() if leaf(part)}
    for disposition in ("attachment", "inline"):
        assert attached[disposition].get_filename() == name
        assert attached[disposition].get_payload(decode=True) == octets
    assert attached["inline"]["Content-ID"] == "<logo@x>"
