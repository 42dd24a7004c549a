"""POST /api/emails: what is accepted, and what it becomes."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.tests.factories import make_client, make_project
from emails.models import Email, EmailEvent, EventType, Status
from emails.tests.factories import make_template, request_body

pytestmark = pytest.mark.django_db

URL = "/api/emails"


def send(project=None, **values):
    return make_client(project).post(URL, request_body(**values), format="json")


def test_accepted_email_is_answered_as_the_specification_says():
    answer = send()
    assert answer.status_code == 202
    assert answer.json() == {"message_id": Email.objects.get().public_id, "status": "queued"}
    assert answer.json()["message_id"].startswith("msg_")


@pytest.mark.parametrize("path", ["/api/emails", "/api/emails/"])
def test_route_answers_with_and_without_slash(path):
    assert make_client().post(path, request_body(), format="json").status_code == 202


def test_accepted_email_has_a_row_a_due_recipient_and_an_event():
    send()
    email = Email.objects.get()
    recipient = email.recipients.get()
    assert (recipient.address, recipient.domain) == ("ann@example.org", "example.org")
    assert recipient.status == Status.QUEUED
    assert recipient.next_attempt_at <= timezone.now()
    event = EmailEvent.objects.get()
    assert (event.type, event.email, event.recipient) == (EventType.QUEUE, email, recipient)


def test_email_scheduled_ahead_waits_for_its_time():
    moment = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
    answer = send(scheduled_at=moment.isoformat())
    assert answer.json()["status"] == "scheduled"
    recipient = Email.objects.get().recipients.get()
    assert (recipient.status, recipient.next_attempt_at) == (Status.SCHEDULED, moment)
    assert EmailEvent.objects.get().type == EventType.SCHEDULE


def test_offset_of_the_schedule_is_respected():
    moment = datetime.now(UTC).replace(microsecond=0, tzinfo=None) + timedelta(days=1)
    send(scheduled_at=f"{moment.isoformat()}+02:00")
    assert Email.objects.get().scheduled_at == moment.replace(tzinfo=UTC) - timedelta(hours=2)


def test_schedule_in_the_past_sends_at_once():
    answer = send(scheduled_at="2020-01-01T00:00:00Z")
    assert answer.json()["status"] == "queued"
    assert Email.objects.get().recipients.get().next_attempt_at <= timezone.now()


@pytest.mark.parametrize("moment", ["2030-01-01T10:00:00", "2030-01-01"])
def test_schedule_without_offset_is_refused_and_says_so(moment):
    answer = send(scheduled_at=moment)
    assert answer.status_code == 400
    assert "offset" in answer.json()["error"]["fields"]["scheduled_at"][0]


@pytest.mark.parametrize("moment", ["tomorrow", "", 1893456000, ["2030-01-01T10:00:00Z"], "9999"])
def test_schedule_that_is_no_time_is_refused(moment):
    answer = send(scheduled_at=moment)
    assert answer.status_code == 400
    assert list(answer.json()["error"]["fields"]) == ["scheduled_at"]


def test_schedule_is_possible_ten_years_ahead_and_no_further():
    now = datetime.now(UTC)
    assert send(scheduled_at=(now + timedelta(days=3650)).isoformat()).status_code == 202
    assert send(scheduled_at=(now + timedelta(days=3700)).isoformat()).status_code == 400


def test_all_wrong_fields_are_named_at_once():
    answer = send(to_email="nobody", subject="a\nb", shceduled_at="2030-01-01T00:00:00Z", cc=["x"])
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert set(error["fields"]) == {"to_email", "subject", "shceduled_at", "cc.0"}
    assert "scheduled_at" in error["fields"]["shceduled_at"][0]
    assert Email.objects.count() == 0


def test_what_is_missing_is_named_with_what_is_wrong():
    answer = make_client().post(URL, {"from_email": "x"}, format="json")
    assert set(answer.json()["error"]["fields"]) == {
        *("to_email", "to_name", "from_email", "subject", "html_body"),
    }


def test_unknown_field_alone_is_refused_by_name():
    answer = send(shceduled_at="2030-01-01T00:00:00Z")
    assert answer.status_code == 400
    assert list(answer.json()["error"]["fields"]) == ["shceduled_at"]


@pytest.mark.parametrize("field", ["to_email", "to_name", "from_email", "subject", "html_body"])
def test_required_field_is_required(field):
    answer = send(**{field: ...})
    assert answer.status_code == 400
    assert list(answer.json()["error"]["fields"]) == [field]


def test_each_person_gets_one_copy_and_headers_keep_all_as_written():
    send(
        cc=["Bob <bob@example.org>", {"email": "cy@example.org", "name": "Cy"}],
        bcc=["dan@example.org", "bob@example.org"],
    )
    email = Email.objects.get()
    assert [(r.kind, r.address) for r in email.recipients.all()] == [
        ("to", "ann@example.org"),
        ("cc", "bob@example.org"),
        ("cc", "cy@example.org"),
        ("bcc", "dan@example.org"),
    ]
    assert email.cc == [
        {"email": "bob@example.org", "name": "Bob"},
        {"email": "cy@example.org", "name": "Cy"},
    ]


def test_too_many_recipients_are_refused_naming_the_limit(settings):
    settings.MAX_RECIPIENTS = 3
    answer = send(cc=[f"p{n}@example.org" for n in range(3)])
    assert answer.status_code == 400
    assert "MAX_RECIPIENTS" in answer.json()["error"]["fields"]["to_email"][0]


def test_too_large_message_is_refused_naming_the_limit(settings):
    settings.MAX_MESSAGE_BYTES = 1000
    answer = send(html_body="x" * 1001)
    assert answer.status_code == 413
    assert "MAX_MESSAGE_BYTES" in answer.json()["error"]["message"]
    assert Email.objects.count() == 0


def test_everything_optional_is_kept():
    send(
        from_name="The Shop",
        reply_to=["help@example.com"],
        headers={"X-Order": "17"},
        tags=["orders"],
        metadata={"order": 17},
        track_opens=False,
        track_clicks=False,
        text_body="On its way.",
    )
    email = Email.objects.get()
    assert email.from_name == "The Shop"
    assert email.reply_to == [{"email": "help@example.com", "name": ""}]
    assert (email.headers, email.tags, email.metadata) == (
        {"X-Order": "17"},
        ["orders"],
        {"order": 17},
    )
    assert (email.track_opens, email.track_clicks) == (False, False)


def test_message_id_is_fixed_at_acceptance():
    send()
    email = Email.objects.get()
    assert email.rfc_message_id == f"<{email.public_id}@example.com>"


def test_expires_in_counts_from_the_scheduled_time():
    moment = timezone.now() + timedelta(hours=1)
    send(scheduled_at=moment.isoformat(), expires_in=60)
    assert Email.objects.get().expires_at == moment + timedelta(seconds=60)


def test_template_is_kept_in_the_version_of_acceptance():
    project = make_project()
    template = make_template(project)
    answer = send(
        project, template_id=template.pk, variables={"name": "Ann"}, subject=..., html_body=...
    )
    assert answer.status_code == 202
    template.add_version("Changed", "<p>Changed</p>")
    assert Email.objects.get().subject == "Hello Ann"
    assert Email.objects.get().template_version.number == 1


def test_template_of_another_project_is_not_there():
    template = make_template(make_project())
    answer = send(template_id=template.pk, variables={"name": "Ann"})
    assert answer.status_code == 400
    assert list(answer.json()["error"]["fields"]) == ["template_id"]


def test_all_missing_variables_are_named_at_acceptance():
    project = make_project()
    template = make_template(project, "{{ a }}", "<p>{{ b.c }} {{ d|default:'-' }}</p>", "{{ e }}")
    answer = send(project, template_id=template.pk, subject=..., html_body=..., variables={"b": {}})
    assert answer.status_code == 422
    assert set(answer.json()["error"]["fields"]) == {
        "variables.a",
        "variables.b.c",
        "variables.e",
    }
    assert Email.objects.count() == 0


def test_variable_that_breaks_the_subject_line_is_refused():
    project = make_project()
    template = make_template(project, "Hello {{ name }}")
    answer = send(
        project,
        template_id=template.pk,
        subject=...,
        html_body=...,
        variables={"name": "Ann\r\nBcc: eve@example.org"},
    )
    assert answer.status_code == 422
    assert Email.objects.count() == 0


@pytest.mark.parametrize("char", ["\r", "\n", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"])
@pytest.mark.parametrize("field", ["subject", "to_name", "from_name"])
def test_line_breaks_of_every_kind_are_refused_in_headers(field, char):
    answer = send(**{field: f"a{char}Bcc: eve@example.org"})
    assert answer.status_code == 400
    assert list(answer.json()["error"]["fields"]) == [field]


@pytest.mark.parametrize("name", ["From", "bcc", "DKIM-Signature", "Content-Type", "Received"])
def test_headers_of_our_own_are_not_replaced(name):
    answer = send(headers={name: "x"})
    assert answer.status_code == 400
    assert f"headers.{name}" in answer.json()["error"]["fields"]


@pytest.mark.parametrize(
    "attachment",
    [
        {},
        {"content": "aGk="},
        {"filename": "a.txt", "content": "not base64!"},
        {"filename": "../a.txt", "content": "aGk="},
        {"filename": "a\r\nb.txt", "content": "aGk="},
        {"url": "https://elsewhere.example/x.png"},
        {"filename": "unknown.png"},
        {"filename": "a.txt", "content": "aGk=", "content_type": "text"},
        {"filename": "a.txt", "content": "aGk=", "inline": True},
    ],
)
def test_attachment_that_cannot_be_used_is_refused_by_its_place(attachment):
    good = {"filename": "good.txt", "content": "aGk="}
    answer = send(attachments=[good, attachment])
    assert answer.status_code == 400
    fields = answer.json()["error"]["fields"]
    assert fields
    assert all(name.startswith("attachments.1") for name in fields)
    assert Email.objects.count() == 0


def test_content_in_the_request_becomes_a_private_upload():
    send(attachments=[{"filename": "a.txt", "content": "aGk=", "content_id": "pic"}])
    attachment = Email.objects.get().attachments.get()
    assert (attachment.name, attachment.content_id) == ("a.txt", "pic")
    assert attachment.disposition == "inline"
    assert attachment.upload.private
    assert attachment.upload.size == 2


def test_layout_without_a_body_is_refused_and_not_sent_empty():
    project = make_project()
    template = make_template(project, html_body="<p>{{ body }}</p>")
    answer = send(project, template_id=template.pk, variables={"name": "Ann"}, html_body=...)
    assert answer.status_code == 422
    assert list(answer.json()["error"]["fields"]) == ["html_body"]
