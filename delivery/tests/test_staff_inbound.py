"""Inbound messages on the staff pages: read as text, downloaded as a file, marked as handled."""

import pytest
from django.utils import timezone

from accounts.tests.staff import staff_client
from delivery.admin.readable import readable
from delivery.models import InboundMessage
from delivery.smtp.tests.returned import arf, away, dsn
from delivery.tests.returns import delivered, return_address

pytestmark = pytest.mark.django_db
LIST = "/admin/delivery/inboundmessage/"
VIEW, CHANGE = "delivery.view_inboundmessage", "delivery.change_inboundmessage"


def make_message(content: bytes | None = None, **values) -> InboundMessage:
    defaults = {
        "peer": "192.0.2.1",
        "mail_from": "ann@example.org",
        "rcpt_to": "abuse@example.com",
        "subject": "Your mail",
        "content": content if content is not None else away(fields=""),
        "reason": "written to us",
    }
    return InboundMessage.objects.create(**(defaults | values))


def page(row, *rights):
    return staff_client(*rights).get(f"{LIST}{row.pk}/change/")


def test_list_shows_who_wrote_and_what_is_new() -> None:
    make_message(), make_message(subject="", mail_from="", handled_at=timezone.now())
    shown = staff_client(VIEW).get(LIST).content.decode()
    assert "from ann@example.org" in shown
    assert "(no subject)" in shown
    assert "from a mail server" in shown
    assert "handled" in shown
    found = staff_client(VIEW).get(LIST, {"q": "Your mail", "handled_at__isempty": "1"})
    assert found.content.decode().count("from ann@example.org") == 1


def test_message_is_shown_as_text_and_nothing_else() -> None:
    script = b"<script>alert(1)</script>"
    content = b"Subject: " + script + b"\r\nContent-Type: text/html\r\n\r\n<p>Hi</p>" + script
    shown = page(make_message(content, subject=script.decode()), VIEW).content
    assert b"Hi" in shown
    assert script not in shown


def test_notification_is_shown_with_its_fields() -> None:
    assert (
        b"Diagnostic-Code: smtp; 550 5.1.1 User unknown" in page(make_message(dsn()), VIEW).content
    )
    assert b"Feedback-Type: auth-failure" in page(make_message(arf("auth-failure")), VIEW).content


@pytest.mark.parametrize(
    "content", [b"", b"\xff\0\xfe", b"Content-Type: message/rfc822\n\n" * 5000]
)
def test_any_message_opens(content) -> None:
    assert page(make_message(content), VIEW).status_code == 200


def test_answer_to_a_mail_of_ours_leads_to_that_email() -> None:
    recipient = delivered()
    row = make_message(rcpt_to=return_address(recipient))
    link = f'href="/admin/emails/email/{recipient.email_id}/change/"'.encode()
    assert link in page(row, VIEW, "emails.view_email").content
    assert link not in page(row, VIEW).content


def test_long_message_is_cut() -> None:
    shown = readable(b"Subject: x\r\n\r\n" + b"word " * 100_000)
    assert shown.is_cut
    assert len(shown.text) == 20_000


def test_download_is_a_file_and_never_a_page() -> None:
    content = b"Content-Type: text/html\r\n\r\n<script>alert(1)</script>\xff"
    row = make_message(content)
    answer = staff_client(VIEW).get(f"{LIST}{row.pk}/eml/")
    assert answer.content == content
    assert answer["Content-Disposition"] == f'attachment; filename="inbound-{row.pk}.eml"'
    assert answer["Content-Type"] == "message/rfc822"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]


def test_message_is_marked_as_handled_and_as_new_again() -> None:
    row, client = make_message(), staff_client(VIEW, CHANGE)
    assert client.get(f"{LIST}{row.pk}/handled/").status_code == 405
    assert client.post(f"{LIST}{row.pk}/handled/").status_code == 302
    row.refresh_from_db()
    assert row.handled_at
    client.post(f"{LIST}{row.pk}/handled/")
    row.refresh_from_db()
    assert row.handled_at is None


def test_several_are_marked_at_once() -> None:
    rows = [make_message() for _ in range(3)]
    chosen = {"action": "mark_handled", "_selected_action": [row.pk for row in rows[:2]]}
    assert staff_client(VIEW, CHANGE).post(LIST, chosen, follow=True).status_code == 200
    assert InboundMessage.objects.filter(handled_at=None).count() == 1


def test_rights_are_asked_for_each_thing() -> None:
    row = make_message()
    assert staff_client(VIEW).post(f"{LIST}{row.pk}/handled/").status_code == 403
    assert b"Mark as handled" not in page(row, VIEW).content
    assert b"Mark as handled" in page(row, VIEW, CHANGE).content
    for path in ("change/", "eml/", "handled/"):
        assert staff_client().get(f"{LIST}{row.pk}/{path}").status_code == 403
    assert staff_client(VIEW, CHANGE).get(f"{LIST}add/").status_code == 403
