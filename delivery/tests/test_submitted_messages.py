"""A submitted message arrives whole: taken apart and written anew where our model holds it."""

from email.message import EmailMessage

import pytest

from accounts.errors import ApiError
from accounts.tests.factories import make_domain, make_project
from delivery.submitted.people import mailboxes
from delivery.submitted.words import decoded_words
from delivery.tests.submitting import (
    ANN,
    BASE,
    BOB,
    HTML,
    PNG,
    parsed,
    sent,
    submitted,
    text_of,
    whole,
)
from emails.addresses import Address
from emails.ownership import DomainNotOwned
from emails.rows import envelope

pytestmark = pytest.mark.django_db(transaction=True)


def reasons(content, **options):
    with pytest.raises(ApiError) as refused:
        submitted(content, **options)
    return {name: " ".join(said) for name, said in refused.value.fields.items()}


def test_bodies_inline_image_and_file_arrive_whole():
    arrived = parsed(sent(whole(), (ANN, BOB)))
    assert str(arrived["Subject"]) == "Ihre Bestellung € größer denn je"
    assert [a.display_name for a in arrived["To"].addresses] == ["Ann", "Bøb"]
    assert arrived["From"].addresses[0].display_name == "Müller Läden"
    assert arrived["Message-ID"] == "<order-1@shop.example.com>"
    assert arrived["X-Campaign"] == "spring"
    assert text_of(arrived) == "Grüße\n"
    html = text_of(arrived, "html")
    assert html.startswith("<p>Grüße <a href=")
    assert "/t/c/" in html
    assert "/t/o/" in html
    assert "cid:logo" in html
    [file] = arrived.iter_attachments()
    assert file.get_filename() == "Rechnung Nr. 1 € ä.pdf"
    assert (file.get_content_type(), file.get_content()) == ("application/pdf", b"%PDF-1.4")
    [image] = [part for part in arrived.walk() if part.get_content_type() == "image/png"]
    assert (image["Content-ID"], image.get_content()) == ("<logo>", PNG)


def test_text_alone_stays_text_alone():
    arrived = parsed(sent(BASE + b"\r\nJust text: https://example.com/\r\n"))
    assert arrived.get_content_type() == "text/plain"
    assert text_of(arrived) == "Just text: https://example.com/\n"


def test_html_alone_gets_a_text_and_is_tracked():
    arrived = parsed(sent(BASE + b"Content-Type: text/html\r\n\r\n<p>Hi</p>\r\n"))
    assert arrived.get_body(("plain",)).get_content().strip() == "Hi"
    assert "/t/o/" in arrived.get_body(("html",)).get_content()


def test_empty_message_arrives_empty():
    assert parsed(sent(BASE + b"\r\n")).get_content().strip() == ""


@pytest.mark.parametrize(
    ("charset", "octets", "text"),
    [
        ("iso-8859-1", b"Gr\xfc\xdfe \x80", "Grüße €"),  # written so, Windows-1252 is meant
        ("koi8-r", "Привет".encode("koi8-r"), "Привет"),
        ("gb2312", "你好".encode("gb2312"), "你好"),
        ("shift_jis", "こんにちは".encode("shift_jis"), "こんにちは"),
        ("utf-16", "Grüße".encode("utf-16"), "Grüße"),
        ("no-such-charset", "Grüße".encode(), "Grüße"),
        ("us-ascii", "Grüße".encode(), "Grüße"),
        ("utf-8", b"Gr\xfc\xdfe", "Grüße"),  # it is not what it says
        ("", "Grüße".encode(), "Grüße"),
        ("", b"Gr\xfc\xdfe", "Grüße"),
    ],
)
def test_text_in_every_charset(charset, octets, text):
    import base64

    parameter = f'; charset="{charset}"' if charset else ""
    header = f"Content-Type: text/plain{parameter}\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    message = BASE + header.encode() + base64.encodebytes(octets).replace(b"\n", b"\r\n")
    assert submitted(message).text_body == text


@pytest.mark.parametrize(
    ("written", "subject"),
    [
        ("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("=?UTF-8?B?R3LDvMOfZQ==?=", "Grüße"),
        ("=?utf-8*de?q?Gr=C3=BC?= =?utf-8?q?=C3=9Fe?=", "Grüße"),
        ("=?utf-8?q?Gr=C3?=\r\n =?utf-8?q?=BC=C3=9Fe?=", "Grüße"),  # a character in two words
        ("=?iso-8859-1?q?Gr=FC=DFe_an?= alle =?utf-8?q?=E2=82=AC?=", "Grüße an alle €"),
        (
            "?= =?utf-8?q?=C3=A4?= ?= =?utf-8?q?=C3=A4?=",
            "?= ä ?= ä",
        ),  # no word
        ("Raw Grüße", "Raw Grüße"),
        ("=?unknown-8?q?abc?=", "abc"),
        ("Not =?a word? really", "Not =?a word? really"),
        ("Folded\r\n\twith a tab", "Folded with a tab"),
        ("", ""),
    ],
)
def test_subject_in_every_form(written, subject):
    message = f"From: shop@example.com\r\nSubject: {written}\r\n\r\nHi\r\n".encode()
    assert submitted(message).subject == subject


@pytest.mark.parametrize("name", ["punycode", "idna", "unicode_escape", "raw-unicode-escape"])
def test_codec_of_python_that_is_no_charset_is_not_used(name):
    assert decoded_words(f"=?{name}?q?=5Cu00e9-xa?=") == r"\u00e9-xa"


def test_quotes_that_are_never_closed_are_read_once():
    """Read anew from each, these are 65,000 times 65,000 steps."""
    assert mailboxes('ann@example.org, "' + '\\"' * 65_000).addresses == (ANN,)


def test_envelope_decides_who_gets_it_and_who_is_hidden():
    message = (
        b"From: s@example.com\r\nTo: Ann <ann@example.org>\r\nCc: no@example.org\r\n\r\nHi\r\n"
    )
    submission = submitted(message, (BOB, ANN))
    kinds = {address: str(kind) for address, (kind, _) in envelope(submission).items()}
    assert kinds == {"bob@example.net": "bcc", "ann@example.org": "to"}
    content = sent(message, (BOB, ANN))
    assert b"bob@" not in content
    assert b"Cc: no@example.org\r\n" in content


@pytest.mark.parametrize(
    "written",
    [
        "undisclosed-recipients:;",
        "Team: Ann <ann@example.org>, bob@example.net;",
        "root, Ann <ann@example.org>",
        '"a b"@example.org',
        "ann@[192.0.2.1]",
    ],
)
def test_what_is_no_list_of_mailboxes_goes_out_as_written(written):
    content = sent(f"From: s@example.com\r\nTo: {written}\r\n\r\nHi\r\n".encode())
    assert f"To: {written}\r\n".encode() in content


def test_blind_copy_field_never_goes_out():
    content = sent(BASE + b"Bcc: bob@example.net\r\n\r\nHi\r\n", (ANN, BOB))
    assert b"bob@" not in content
    assert b"Bcc" not in content


def test_without_recipients_in_the_header_they_are_undisclosed():
    content = sent(b"From: s@example.com\r\nSubject: x\r\n\r\nHi\r\n")
    assert b"To: undisclosed-recipients:;\r\n" in content


def test_without_from_the_envelope_names_the_sender():
    submission = submitted(b"Subject: x\r\n\r\nHi\r\n", mail_from="cron@example.com")
    assert submission.sender == Address("cron@example.com")


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("Subject: no sender", "From"),
        ("From: a@example.com, b@example.com", "From"),
        ("From: a@example.com\r\nFrom: b@example.com", "From"),
        ("From: nobody", "From"),
        ("From: Team: a@example.com;", "From"),
        ("From: a@example.com\r\nSubject: a\r\nSubject: b", "Subject"),
        ("From: a@example.com\r\nSubject: a\x85b", "Subject"),
        ("From: a@example.com\r\nList-Id: a\r\nList-Id: b", "header"),
        ("From: a@example.com\r\nnot a field", "header"),
        ("From: a@example.com\r\nX-Long: " + "x" * 1200, "header"),
        ("From: a@example.com\r\nContent-Type: multipart/mixed", "message"),
        ("From: a@example.com\r\nContent-Type: multipart/mixed; boundary=b", "message"),
        ("From: a@example.com\r\nX-Mailer-Schedule: tomorrow", "X-Mailer-Schedule"),
        ("From: a@example.com\r\nX-Mailer-Schedule: 2030-01-01T00:00:00", "X-Mailer-Schedule"),
        ("From: a@example.com\r\nX-Mailer-Track: maybe", "X-Mailer-Track"),
        ("From: a@example.com\r\nX-Mailer-Track: off\r\nX-Mailer-Track: on", "X-Mailer-Track"),
        ("From: a@example.com\r\nX-Mailer-Tags: " + "x" * 101, "X-Mailer-Tags"),
        ("From: a@example.com\r\nX-Mailer-Tags: " + "x, " * 51, "X-Mailer-Tags"),
        ("From: a@example.com\r\nX-Mailer-Metadata: [1]", "X-Mailer-Metadata"),
        ('From: a@example.com\r\nX-Mailer-Metadata: {"a": "\\u0000"}', "X-Mailer-Metadata"),
        ("From: a@example.com\r\nX-Mailer-Metadata: =?utf-7?q?+2AA-?=", "X-Mailer-Metadata"),
        (
            "From: a@example.com\r\nContent-Type: multipart/mixed; boundary*=utf-7''%2B2AA-",
            "message",
        ),
    ],
)
def test_what_is_wrong_is_refused_by_name(header, field):
    assert list(reasons(f"{header}\r\n\r\nHi\r\n".encode())) == [field]


def test_message_in_circles_is_refused():
    with pytest.raises(ApiError, match="circles"):
        submitted(b"Received: by mx.example.com; now\r\n" * 51 + BASE + b"\r\nHi\r\n")


def test_options_are_taken_and_removed():
    options = (
        b"X-Mailer-Schedule: 2030-01-31T09:00:00+01:00\r\n"
        b"X-Mailer-Tags: order, =?utf-8?q?gr=C3=BCn?=\r\n"
        b'X-Mailer-Track: off\r\nX-Mailer-Metadata: {"order": 17}\r\nX-Mailer: cron\r\n'
    )
    submission = submitted(BASE + options + b"\r\nHi\r\n")
    assert submission.scheduled_at.isoformat() == "2030-01-31T08:00:00+00:00"
    assert submission.tags == ("order", "grün")
    assert (submission.track_opens, submission.track_clicks) == (False, False)
    assert submission.metadata == {"order": 17}
    assert submission.headers == {"X-Mailer": "cron"}


@pytest.mark.parametrize(
    ("written", "opens", "clicks"),
    [("on", True, True), ("opens", True, False), ("Clicks", False, True), ("off", False, False)],
)
def test_opens_and_clicks_are_tracked_as_asked(written, opens, clicks):
    header = f"Content-Type: text/html\r\nX-Mailer-Track: {written}\r\n\r\n".encode()
    content = sent(BASE + header + b'<a href="https://example.com/">x</a>\r\n')
    assert (b"/t/o/" in content, b"/t/c/" in content) == (opens, clicks)
    assert b"X-Mailer" not in content


@pytest.mark.parametrize(
    "field",
    [
        "Reply-To: Help <help@example.com>",
        "In-Reply-To: <a@example.org>",
        "References: <a@example.org> <b@example.org>",
        "List-Id: News <news.example.com>",
        "List-Unsubscribe: <https://example.com/u>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "Precedence: bulk",
        "Auto-Submitted: auto-generated",
        "X-Priority: 1",
        "X-Note: =?utf-8?q?gr=C3=BCn?=",
        "Date: Tue, 01 Jul 2025 10:00:00 +0200",
        "Message-ID: <a.b+c@mail.example.com>",
        "Sender: Desk <desk@example.com>",
        "Received: from a.example.com by b.example.com; Tue, 1 Jul 2025 10:00:00 +0200",
        "X-MS-Exchange-CrossTenant-OriginalAttributedTenantConnectingIp: TenantId=1",
    ],
)
def test_field_goes_out_as_it_came(field):
    content = sent(BASE + field.encode() + b"\r\n\r\nHi\r\n")
    unfolded = content.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ").split(b"\r\n")
    assert field.encode() in unfolded


def test_repeated_field_goes_out_as_often():
    content = sent(BASE + b"X-A: 1\r\nX-B: 2\r\nx-a: 3\r\n\r\nHi\r\n")
    assert parsed(content).get_all("X-A") == ["1", "3"]


@pytest.mark.parametrize(
    "field",
    [
        "DKIM-Signature: v=1; a=rsa-sha256",
        "Return-Path: <a@example.org>",
        "Authentication-Results: x; spf=pass",
        "Resent-From: a@example.org",
        "ARC-Seal: i=1",
        "X-Empty:",
    ],
)
def test_field_of_the_servers_on_the_way_does_not_go_out(field):
    name = field.partition(":")[0].encode()
    assert name not in sent(BASE + field.encode() + b"\r\n\r\nHi\r\n")


@pytest.mark.parametrize("written", ["", "Message-ID: nonsense\r\n", "Message-ID: <a b@c>\r\n"])
def test_without_a_usable_message_id_it_gets_ours(written):
    submission = submitted(BASE + written.encode() + b"\r\nHi\r\n")
    assert submission.message_id == ""


def test_scheduled_message_is_dated_when_it_goes():
    header = b"Date: Tue, 01 Jul 2025 10:00:00 +0200\r\nX-Mailer-Schedule: 2020-01-01T00:00:00Z\r\n"
    assert b"2025" not in sent(BASE + header + b"\r\nHi\r\n")


def test_image_beside_the_bodies_is_inline_where_the_html_shows_it():
    """Django's EmailMultiAlternatives puts images there."""
    message = EmailMessage()
    message["From"] = "s@example.com"
    message.set_content("Hi\n")
    message.add_alternative(HTML, subtype="html")
    message.add_attachment(PNG, "image", "png", cid="<logo>", disposition="inline")
    [image] = submitted(message).attachments
    assert (image.content_id, image.content) == ("logo", PNG)


def test_text_file_stays_a_file():
    message = EmailMessage()
    message["From"] = "s@example.com"
    message.set_content("Hi\n")
    message.add_attachment("a;ä\r\n".encode("latin-1"), "text", "csv", filename="a.csv")
    arrived = parsed(sent(message))
    [file] = arrived.iter_attachments()
    assert file.get_content_type() == "text/csv"
    assert file.get_payload(decode=True) == b"a;\xe4\r\n"


def test_line_longer_than_any_may_be_is_wrapped():
    content = sent(BASE + b"\r\n" + b"x" * 5000 + b"\r\n")
    assert max(map(len, content.split(b"\r\n"))) < 999
    assert text_of(parsed(content)) == "x" * 5000 + "\n"


@pytest.mark.django_db
def test_nobody_sends_on_behalf_of_a_domain_of_others(settings):
    settings.ALLOW_ANY_FROM = False
    project = make_project()
    make_domain(project, "example.com")
    with pytest.raises(DomainNotOwned, match=r"bank\.example"):
        submitted(b"Sender: ceo@bank.example\r\n" + BASE + b"\r\nHi\r\n", project=project)
    submission = submitted(b"Sender: desk@example.com\r\n" + BASE + b"\r\nHi\r\n", project=project)
    assert submission.headers["Sender"] == "desk@example.com"
