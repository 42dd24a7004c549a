"""Emails on the staff pages: found, read, cancelled."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.tests.factories import make_project
from accounts.tests.staff import make_staff, staff_client
from emails import events, transitions
from emails.addresses import Address
from emails.admin.timeline import LOOKS
from emails.models import Email, EmailEvent, EventType, Recipient, Status
from emails.submission import AttachedFile
from emails.tests.factories import make_email, make_template, version_of

pytestmark = pytest.mark.django_db
LIST = "/admin/emails/email/"
VIEW, CANCEL, DELETE = "emails.view_email", "emails.change_email", "emails.delete_email"


def scheduled(**values):
    return make_email(scheduled_at=timezone.now() + timedelta(days=1), **values)


def text_of(response):
    return unescape(response.content.decode())


def shown_ids(response):
    return set(re.findall(r"msg_[a-z0-9]{16}", response.content.decode()))


def page_of(email, *rights):
    return staff_client(*(rights or (VIEW,))).get(f"{LIST}{email.pk}/change/")


def cancel_selected(client, *emails):
    chosen = {"action": "cancel_selected", "_selected_action": [email.pk for email in emails]}
    return client.post(LIST, chosen, follow=True)


def statuses(email):
    return set(email.recipients.values_list("status", flat=True))


# --- The list


def test_list_costs_the_same_for_many_emails():
    client, project = staff_client(VIEW, CANCEL), make_project()
    counts = []
    for number in (1, 12):
        for _ in range(number):
            make_email(project, cc=(Address("cc@example.org"),))
        with CaptureQueriesContext(connection) as queries:
            client.get(LIST)
        counts.append(len(queries))
        assert not [q for q in queries.captured_queries if "html_body" in q["sql"]]
        assert not [q for q in queries.captured_queries if "COUNT(*)" in q["sql"]]
    assert counts[0] == counts[1] < 15


def test_list_shows_what_identifies_an_email():
    email = make_email(cc=(Address("cc@example.org"),), subject="Your <b>order</b>")
    page = staff_client(VIEW).get(LIST).content.decode()
    for text in (email.public_id, "ann@example.org and 1 more", str(email.project), "Queued"):
        assert text in page
    assert "Your &lt;b&gt;order" in page


def test_list_shows_the_subject_that_the_template_made():
    project = make_project()
    version = version_of(make_template(project, subject="Hello {{ name }}"))
    make_email(
        project, template_version=version, subject=None, html_body=None, variables={"name": "Ann"}
    )
    assert "Hello Ann" in text_of(staff_client(VIEW).get(LIST))


@pytest.mark.parametrize(
    "term",
    ["{id}", "{id_start}", "bob@example.net", "BOB@example.net", "bob@exa", "urgent", "URGENT bob"],
)
def test_search_finds_by_id_address_and_words_of_the_subject(term):
    other = make_email()
    email = make_email(to=(Address("bob@example.net"),), subject="This is urgent")
    term = term.format(id=email.public_id, id_start=email.public_id[:12])
    found = shown_ids(staff_client(VIEW).get(LIST, {"q": term}))
    assert email.public_id in found
    assert other.public_id not in found


def test_search_takes_wildcards_of_sql_as_they_are():
    make_email()
    assert not shown_ids(staff_client(VIEW).get(LIST, {"q": "%"}))


def test_status_filter_looks_at_every_recipient():
    mixed, queued = make_email(cc=(Address("cc@example.org"),)), make_email()
    mixed.recipients.filter(kind="cc").update(status=Status.BOUNCED)
    assert shown_ids(staff_client(VIEW).get(LIST, {"status": "bounced"})) == {mixed.public_id}
    both = {mixed.public_id, queued.public_id}
    assert shown_ids(staff_client(VIEW).get(LIST, {"status": "queued"})) == both


def test_other_filters_narrow_the_list():
    later, now = scheduled(), make_email()
    client = staff_client(VIEW)
    assert shown_ids(client.get(LIST, {"scheduled": "later"})) == {later.public_id}
    assert shown_ids(client.get(LIST, {"scheduled": "now"})) == {now.public_id}
    project = {"project__id__exact": now.project_id}
    assert shown_ids(client.get(LIST, project)) == {now.public_id}


# --- The page of one email


def test_page_shows_recipients_and_headers():
    email = scheduled(cc=(Address("cc@example.org"),), headers={"X-Order": "4711"})
    page = text_of(page_of(email))
    for text in ("Ann <ann@example.org>", "cc@example.org", "Scheduled for", "X-Order", "4711"):
        assert text in page


def test_every_type_of_event_has_a_look():
    assert set(LOOKS) == set(EventType)


def test_timeline_tells_what_the_server_said_and_what_the_reader_did():
    email = make_email()
    recipient = email.recipients.get()
    reply = {"code": 451, "enhanced": "4.7.1", "text": "<b>Greylisted</b>"}
    for kind, data in (
        ("defer", {"reply": reply, "attempt": 1, "host": "mx.example.org"}),
        ("defer", {"ambiguous": True, "reason": "lease lost"}),
        ("click", {"url": "https://example.com/?a=1&b=2", "user_agent": "Opera/9", "ip": "::1"}),
    ):
        EmailEvent.objects.create(type=kind, email=email, recipient=recipient, data=data)
    response = page_of(email)
    page = text_of(response)
    for text in (
        "451 4.7.1",
        "mx.example.org",
        "it may have been delivered",
        "lease lost",
        "https://example.com/?a=1&b=2",
        "Opera/9",
    ):
        assert text in page
    assert "&lt;b&gt;Greylisted" in response.content.decode()
    titles = re.findall(r"<strong>(\w+)</strong>", page)
    assert titles == ["Queued", "Deferred", "Deferred", "Clicked"]


def test_timeline_says_why_an_address_was_left_out_and_what_lets_mail_go_again():
    email = make_email()
    data = {"reason": "complaint", "since": "2030-01-31T09:00:00+00:00"}
    EmailEvent.objects.create(
        type="suppress", email=email, recipient=email.recipients.get(), data=data
    )
    page = text_of(page_of(email))
    assert "Complained" in page
    assert "since 2030-01-31 09:00:00 UTC" in page
    assert "delete the address under Suppressions" in page


def test_timeline_says_ways_and_reasons_in_words():
    email = make_email()
    data = {"way": "mx", "class": "bad_mailbox", "detail": "mx"}
    EmailEvent.objects.create(
        type="bounce", email=email, recipient=email.recipients.get(), data=data
    )
    page = text_of(page_of(email))
    assert "built-in mail server" in page
    assert "no such mailbox" in page
    assert '<dd class="staff-text">mx</dd>' in page  # a server's own words stay as they are


def test_timeline_tells_when_and_where_mail_that_expired_was_tried():
    email = make_email()
    data = {
        "first_attempt_at": "2030-01-26T09:00:00+00:00",
        "last_attempt_at": "2030-01-31T08:00:00+00:00",
        "hosts": ["mx1.example.org", "mx2.example.org"],
    }
    EmailEvent.objects.create(
        type="expire", email=email, recipient=email.recipients.get(), data=data
    )
    page = text_of(page_of(email))
    assert "mx1.example.org, mx2.example.org" in page
    assert "2030-01-26 09:00:00 UTC" in page
    assert "2030-01-31 08:00:00 UTC" in page


def frames(response):
    return re.findall(r"<iframe[^>]*>", response.content.decode())


def test_preview_is_sandboxed_without_scripts_or_our_origin():
    body = "<p title='\"'>Hi</p><script>alert(1)</script></iframe><style>p{color:red}</style>"
    (frame,) = frames(page_of(make_email(html_body=body)))
    assert 'sandbox=""' in frame
    assert "alert(1)" in unescape(frame)  # shown as it is: the sandbox keeps it from running
    assert 'style="color:red"' in unescape(frame)
    assert "<script" not in page_of(make_email(html_body=body)).content.decode().split("iframe")[1]


def test_preview_of_a_template_fills_it():
    project = make_project()
    version = version_of(make_template(project))
    email = make_email(
        project,
        template_version=version,
        subject=None,
        html_body=None,
        variables={"name": "Ann & Bob"},
    )
    (frame,) = frames(page_of(email))
    assert "Hello Ann &amp; Bob" in unescape(frame)


def test_page_says_what_a_template_lacks():
    project = make_project()
    version = version_of(make_template(project))
    email = make_email(
        project, template_version=version, subject=None, html_body=None, variables={"name": "Ann"}
    )
    Email.objects.filter(pk=email.pk).update(variables={})
    assert "lacks variables: name" in text_of(page_of(email))


def test_private_attachment_has_no_link():
    file = AttachedFile("invoice.pdf", "application/pdf", content=b"%PDF-1.4")
    email = make_email(attachments=(file,))
    page = page_of(email).content.decode()
    assert "invoice.pdf" in page
    assert email.attachments.get().upload.name not in page


def test_body_as_it_came_is_no_attachment_to_staff():
    body = AttachedFile("as-it-came.eml", "message/rfc822", content=b"\r\nHi", is_body=True)
    said = text_of(page_of(make_email(attachments=(body,))))
    assert "The message as its program wrote it" in said
    assert "as-it-came.eml" not in said


def test_field_that_repeats_is_shown_as_often():
    said = text_of(page_of(make_email(headers={"X-A": ["one", "two"]})))
    assert "<dt>X-A</dt><dd><code>one</code>" in said
    assert "<dt>X-A</dt><dd><code>two</code>" in said


def test_unknown_email_is_not_found():
    assert staff_client(VIEW).get(f"{LIST}4711/change/").status_code == 302


# --- Who may do what


@pytest.mark.parametrize("path", [LIST, f"{LIST}1/change/", f"{LIST}1/cancel/"])
def test_staff_without_rights_sees_no_email(path):
    make_email()
    assert staff_client("accounts.view_project").get(path).status_code in (403, 404)


def test_nobody_adds_or_changes_an_email(admin_client):
    email = make_email()
    assert admin_client.get(f"{LIST}add/").status_code == 403
    assert admin_client.post(f"{LIST}{email.pk}/change/", {"subject": "x"}).status_code == 403
    email.refresh_from_db()
    assert email.subject == "Your order"


def test_delete_takes_its_own_right():
    email = make_email()
    assert staff_client(VIEW, CANCEL).get(f"{LIST}{email.pk}/delete/").status_code == 403
    assert staff_client(VIEW, DELETE).get(f"{LIST}{email.pk}/delete/").status_code == 200


# --- Cancel


def test_action_cancels_and_says_how_many_were_too_late():
    waiting, sent, sending = scheduled(), make_email(), make_email()
    Recipient.objects.filter(email=sent).update(status=Status.DELIVERED)
    Recipient.objects.filter(email=sending).update(status=Status.SENDING)
    page = text_of(cancel_selected(staff_client(VIEW, CANCEL), waiting, sent, sending))
    assert "Cancelled: 1." in page
    assert "Too late for 2:" in page
    assert "1 already delivered" in page
    assert "1 being sent" in page
    assert statuses(waiting) == {"cancelled"}
    assert statuses(sent) == {"delivered"}


def test_action_needs_the_right_to_change():
    email = scheduled()
    cancel_selected(staff_client(VIEW), email)
    assert statuses(email) == {"scheduled"}


def test_button_asks_before_it_cancels():
    email = scheduled()
    page = text_of(staff_client(CANCEL).get(f"{LIST}{email.pk}/cancel/"))
    assert "Yes, cancel it" in page
    assert "csrfmiddlewaretoken" in page
    assert statuses(email) == {"scheduled"}


def test_button_cancels_and_leaves_a_trace():
    email, client = scheduled(), staff_client(CANCEL)
    page = text_of(client.post(f"{LIST}{email.pk}/cancel/", follow=True))
    assert "will certainly not be sent" in page
    assert statuses(email) == {"cancelled"}
    assert email.events.filter(type="cancel").exists()
    assert LogEntry.objects.get().object_id == str(email.pk)


def test_button_says_why_it_was_too_late():
    email = scheduled()
    Recipient.objects.filter(email=email).update(status=Status.BOUNCED)
    page = text_of(staff_client(CANCEL).post(f"{LIST}{email.pk}/cancel/", follow=True))
    assert f"nothing was cancelled: {email} already bounced" in page


def test_worker_that_was_faster_is_named_as_it_is_now(monkeypatch):
    email, cancel = scheduled(), events.cancel

    def send_first(late):
        Recipient.objects.filter(email=email).update(status=Status.DELIVERED)
        cancel(late)

    monkeypatch.setattr(events, "cancel", send_first)
    client = staff_client(VIEW, CANCEL)
    assert "already delivered" in text_of(client.post(f"{LIST}{email.pk}/cancel/", follow=True))
    Recipient.objects.filter(email=email).update(status=Status.SCHEDULED)
    assert "1 already delivered" in text_of(cancel_selected(client, email))


def test_second_cancel_says_so():
    email = scheduled()
    events.cancel(email)
    page = text_of(staff_client(CANCEL).post(f"{LIST}{email.pk}/cancel/", follow=True))
    assert "already cancelled" in page


def test_ambiguous_email_is_not_cancelled():
    email = make_email()
    Recipient.objects.filter(email=email).update(status=Status.DEFERRED, ambiguous=True)
    page = text_of(staff_client(CANCEL).post(f"{LIST}{email.pk}/cancel/", follow=True))
    assert "may have been sent" in page
    assert statuses(email) == {"deferred"}


def test_button_needs_a_csrf_token():
    email, client = scheduled(), Client(enforce_csrf_checks=True)
    client.force_login(make_staff(CANCEL))
    assert client.post(f"{LIST}{email.pk}/cancel/").status_code == 403
    assert statuses(email) == {"scheduled"}


@pytest.mark.parametrize(
    ("rights", "status", "offered"),
    [
        ((VIEW, CANCEL), Status.SCHEDULED, True),
        ((VIEW, CANCEL), Status.DELIVERED, False),
        ((VIEW,), Status.SCHEDULED, False),
    ],
)
def test_button_is_there_where_it_can_work(rights, status, offered):
    email = scheduled()
    Recipient.objects.filter(email=email).update(status=status)
    assert ("Cancel sending" in text_of(page_of(email, *rights))) is offered


@pytest.mark.parametrize(
    ("one", "other", "offered"),
    [
        ({"status": "scheduled"}, {"status": "suppressed"}, True),
        ({"status": "scheduled"}, {"status": "suppressed", "ambiguous": True}, False),
        ({"status": "scheduled", "ambiguous": True}, {"status": "suppressed"}, False),
        ({"status": "suppressed"}, {"status": "suppressed"}, False),
        ({"status": "scheduled"}, {"status": "delivered"}, False),
    ],
)
def test_button_is_there_exactly_where_cancelling_works(one, other, offered):
    email = make_email(cc=(Address("bob@example.org"),))
    for row, values in zip(email.recipients.all(), (one, other), strict=True):
        Recipient.objects.filter(pk=row.pk).update(**values)
    assert ("Cancel sending" in text_of(page_of(email, VIEW, CANCEL))) is offered
    assert bool(transitions.cancel(email.pk)) is offered
