"""The development inbox: read like mail, and safe to look at."""

import os
import re
from email.message import EmailMessage
from html import unescape

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.tests.staff import staff_client
from delivery import inbox as inbox_module
from delivery.captured import CapturedMail
from delivery.inbox import PAGE_SIZE, Inbox

ID = "msg_abc123def456gh78-1-1"


@pytest.fixture(autouse=True)
def outbox(settings, tmp_path):
    settings.MAIL_TRANSPORT = "capture"
    settings.OUTBOX_ROOT = tmp_path
    return tmp_path


def message(subject="Hello", html="<p>Hi</p>", text="Hi", **headers):
    mail = EmailMessage()
    mail["Return-Path"], mail["Delivered-To"] = "<shop@example.com>", "ann@example.org"
    mail["From"], mail["To"], mail["Subject"] = (
        "Shop <shop@example.com>",
        "Ann <ann@example.org>",
        subject,
    )
    for name, value in headers.items():
        mail[name] = value
    mail.set_content(text)
    if html:
        mail.add_alternative(html, subtype="html")
    return mail


def put(outbox, mail=None, mail_id=ID, at=None):
    path = outbox / f"{mail_id}.eml"
    path.write_bytes(mail if isinstance(mail, bytes) else (mail or message()).as_bytes())
    if at is not None:
        os.utime(path, ns=(at, at))
    return path


def mail_id(number):
    return f"msg_abc-{number}-1"


def subjects(page):
    return [mail.subject for mail in page.mails]


# --- Reading the folder


def test_list_is_newest_first(outbox):
    for number, at in ((1, 10), (2, 30), (3, 20)):
        put(outbox, message(f"No. {number}"), mail_id(number), at)
    assert subjects(Inbox(outbox).page()) == ["No. 2", "No. 3", "No. 1"]


def test_list_has_pages(outbox):
    for number in range(PAGE_SIZE + 2):
        put(outbox, message(f"No. {number}"), mail_id(number), at=1000 - number)
    inbox = Inbox(outbox)
    first, second, third = inbox.page(1), inbox.page(2), inbox.page(3)
    assert (len(first.mails), first.has_next) == (PAGE_SIZE, True)
    assert (subjects(second), second.has_next) == (["No. 50", "No. 51"], False)
    assert third.mails == []


def test_list_reads_the_mails_of_its_page_alone(outbox, monkeypatch):
    for number in range(PAGE_SIZE * 3):
        put(outbox, mail_id=mail_id(number), at=number)
    read = []
    summary = inbox_module._summary
    monkeypatch.setattr(inbox_module, "_summary", lambda entry: read.append(1) or summary(entry))
    Inbox(outbox).page(2)
    assert len(read) == PAGE_SIZE + 1


@pytest.mark.parametrize("query", ["grüße", "SHOP@example", "ann grüße", "msg_abc-1"])
def test_search_finds_words_of_every_column(outbox, query):
    put(outbox, message("Viele Grüße aus Köln"), mail_id(1))
    put(outbox, b"From: b@x.y\r\nSubject: Other\r\n\r\n", mail_id(2))
    assert subjects(Inbox(outbox).page(query=query)) == ["Viele Grüße aus Köln"]


def test_search_has_pages(outbox):
    for number in range(PAGE_SIZE * 2 + 10):
        put(outbox, message(f"{'odd' if number % 2 else 'even'} {number}"), mail_id(number), number)
    inbox = Inbox(outbox)
    assert inbox.page(1, "odd").has_next
    assert len(inbox.page(2, "odd").mails) == 5
    assert not inbox.page(2, "odd").has_next


def test_other_files_are_not_mail(outbox):
    for name in ("msg_abc-1-1.part", "notes.eml", "msg_abc-1-1.eml.bak", ".eml"):
        (outbox / name).write_text("Subject: no")
    (outbox / "msg_abc-9-9.eml").mkdir()
    assert Inbox(outbox).page().mails == []


def test_folder_that_is_not_there_is_empty(outbox):
    assert Inbox(outbox / "none").page().mails == []
    assert Inbox(outbox / "none").read(ID) is None


@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "..",
        "msg_abc-1-1/../../secret",
        "msg_abc-1-1\n",
        "/etc/passwd",
        "",
        "msg_ABC-1-1",
    ],
)
def test_id_cannot_leave_the_folder(outbox, name):
    (outbox.parent / "secret.eml").write_text("Subject: secret")
    assert Inbox(outbox).read(name) is None


def test_links_out_of_the_folder_are_not_followed(outbox):
    (outbox.parent / "secret.eml").write_text("Subject: secret")
    (outbox / f"{ID}.eml").symlink_to(outbox.parent / "secret.eml")
    assert Inbox(outbox).read(ID) is None
    assert Inbox(outbox).page().mails == []


# --- Reading one mail


def captured(outbox, mail):
    put(outbox, mail)
    return Inbox(outbox).read(ID)


def test_bodies_are_decoded(outbox):
    mail = captured(outbox, message(text="Grüße 東京", html="<p>Grüße 東京</p>"))
    assert (mail.text.strip(), mail.html.strip()) == ("Grüße 東京", "<p>Grüße 東京</p>")


def test_inline_images_are_put_into_the_html(outbox):
    mail = message(html='<img src="cid:logo@x"><img src="CID:logo%40x"><img src="cid:none">')
    mail.get_payload()[1].add_related(b"PNG", "image", "png", cid="<logo@x>")
    found = captured(outbox, mail)
    assert found.html.count("data:image/png;base64,UE5H") == 2
    assert "cid:none" in found.html
    assert found.attachments == []


def test_image_that_nobody_shows_is_an_attachment(outbox):
    mail = message(html="<p>No image</p>")
    mail.get_payload()[1].add_related(b"PNG", "image", "png", cid="<logo@x>", filename="a.png")
    assert [file.name for file in captured(outbox, mail).attachments] == ["a.png"]


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b"no header at all",
        b"Subject: =?utf-8?b?!!!?=\r\nFrom: =?nope?q?x?=\r\n\r\nbody",
        b"Content-Type: text/plain; charset=nope\r\n\r\nbody \xff",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nunfinished",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!=",
        b"Delivered-To: \xc3\xbc@example.org\r\nSubject: a\x00b\r\n\r\n",
        b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nx",
        b"Content-Type: image/png\r\nContent-ID: <a>\r\n\r\nx",
    ],
)
@pytest.mark.django_db
def test_broken_mail_is_shown_as_far_as_it_goes(outbox, source):
    put(outbox, source)
    client = staff_client()
    assert client.get("/inbox").status_code == 200
    for show in ("html", "text", "headers", "source"):
        assert client.get(f"/inbox/{ID}", {"show": show}).status_code == 200


def test_address_in_utf8_is_read(outbox):
    mail = captured(outbox, b"Delivered-To: j\xc3\xb6rg@example.org\r\n\r\n")
    assert mail.header("delivered-to") == "jörg@example.org"


@given(st.binary(max_size=300), st.integers(0, 600))
def test_no_damage_keeps_a_mail_from_being_read(damage, place):
    whole = message("Grüße", html='<img src="cid:a">')
    whole.get_payload()[1].add_related(b"PNG", "image", "png", cid="<a>")
    source = whole.as_bytes()
    mail = CapturedMail(ID, None, source[:place] + damage + source[place:])
    assert isinstance(mail.html + mail.text + mail.source_text, str)
    assert all(isinstance(file.content, bytes) for file in mail.attachments)
    assert all(isinstance(value, str) for _, value in mail.headers)


# --- The pages

PAGES = ["/inbox", "/inbox/", f"/inbox/{ID}", f"/inbox/{ID}.eml", f"/inbox/{ID}/attachments/0"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", PAGES)
def test_inbox_exists_with_the_capture_transport_only(outbox, settings, path):
    put(outbox)
    settings.MAIL_TRANSPORT = "relay"
    assert staff_client().get(path).status_code == 404
    assert Client().get(path).status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize("path", PAGES)
def test_inbox_asks_for_the_staff_login(outbox, path, django_user_model):
    put(outbox)
    customer = Client()
    customer.force_login(django_user_model.objects.create_user("customer"))
    for client in (Client(), customer):
        response = client.get(path)
        assert response.status_code == 302
        assert response["Location"].startswith("/admin/login/?next=/inbox")


@pytest.mark.django_db
def test_inbox_says_that_nothing_leaves_the_machine(outbox):
    put(outbox)
    for path in ("/inbox", f"/inbox/{ID}"):
        assert "Nothing leaves this machine" in staff_client().get(path).content.decode()


@pytest.mark.django_db
def test_markup_in_headers_is_escaped(outbox):
    put(outbox, message("<script>alert(1)</script>", **{"X-Test": "<img src=x onerror=alert(1)>"}))
    client = staff_client()
    for path in ("/inbox", "/inbox?q=<script>", f"/inbox/{ID}", f"/inbox/{ID}?show=headers"):
        page = client.get(path).content.decode()
        assert "<script" not in page
        assert "<img" not in page
        assert "&lt;script&gt;alert(1)" in page


@pytest.mark.django_db
def test_html_is_framed_without_scripts_or_our_origin(outbox):
    put(outbox, message(html='<p class="a">Hi</p></iframe><script>alert(1)</script>'))
    response = staff_client().get(f"/inbox/{ID}")
    page = response.content.decode()
    (frame,) = re.findall(r"<iframe[^>]*>", page)
    sandbox = re.search(r'sandbox="([^"]*)"', frame)[1].split()
    assert not {"allow-scripts", "allow-same-origin", "allow-forms"} & set(sandbox)
    assert "allow-popups" in sandbox  # so that staff can follow tracked links
    assert '<p class="a">Hi</p></iframe><script>' in unescape(frame)
    assert "<script" not in page
    assert "script-src" not in response["Content-Security-Policy"]
    assert response["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.django_db
def test_text_and_source_are_shown_as_text(outbox):
    put(outbox, message(text="1 < 2 <script>"))
    client = staff_client()
    assert "1 &lt; 2 &lt;script&gt;" in client.get(f"/inbox/{ID}?show=text").content.decode()
    assert "Return-Path: &lt;shop@" in client.get(f"/inbox/{ID}?show=source").content.decode()


@pytest.mark.django_db
def test_attachment_is_saved_and_never_shown_on_our_origin(outbox):
    mail = message()
    evil = b"<svg onload=alert(1)>"
    mail.add_attachment(evil, "image", "svg+xml", filename='a"\u2028 Ü.svg')
    put(outbox, mail)
    client = staff_client()
    assert "Files" in client.get("/inbox").content.decode()
    response = client.get(f"/inbox/{ID}/attachments/0")
    assert response.content == evil
    assert response["Content-Type"] == "application/octet-stream"
    assert response["Content-Disposition"].startswith("attachment; ")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "sandbox"
    assert client.get(f"/inbox/{ID}/attachments/1").status_code == 404


@pytest.mark.django_db
def test_source_is_handed_out_byte_for_byte(outbox):
    path = put(outbox)
    response = staff_client().get(f"/inbox/{ID}.eml")
    assert response.content == path.read_bytes()
    assert response["Content-Disposition"].startswith("attachment; ")


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["0", "-1", "x", "²", "9" * 30, "7"])
def test_odd_page_numbers_do_no_harm(outbox, page):
    put(outbox)
    assert staff_client().get("/inbox", {"page": page}).status_code == 200


@pytest.mark.django_db
def test_unknown_mail_is_not_found():
    assert staff_client().get(f"/inbox/{ID}").status_code == 404
    assert staff_client().get("/inbox/..%2f..%2fsecret.eml").status_code == 404
