"""POST /api/emails/batch: each accepted or refused by itself, or all or none of them."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.tests.factories import make_client, make_project
from emails import doorbell
from emails.insertion import LEAST_COPIED
from emails.models import Attachment, Email, EmailEvent, Priority, Recipient
from emails.tests.factories import make_template, request_body
from uploads.models import Upload
from uploads.names import stored_name

pytestmark = pytest.mark.django_db

URL = "/api/emails/batch"
LATER = "2099-01-31T09:00:00Z"


def send(body, project=None, query=""):
    return make_client(project).post(URL + query, body, format="json")


@pytest.fixture(autouse=True)
def near_future(monkeypatch):
    """Let LATER be near enough to be scheduled for."""
    monkeypatch.setattr("emails.api.fields.YEARS_AHEAD", 100)


def make_upload(project):
    return Upload.objects.create(
        project=project,
        name=stored_name("a.txt", "text/plain"),
        filename="a.txt",
        content_type="text/plain",
        size=2,
    )


def test_each_is_accepted_or_refused_by_itself_in_strict_order():
    bodies = [
        request_body(to_email="first@example.org"),
        request_body(to_email="nobody", shceduled_at=LATER),
        request_body(to_email="third@example.org", scheduled_at=LATER),
        "not an email",
    ]
    answer = send(bodies)
    assert answer.status_code == 202
    first, second, third, fourth = answer.json()["data"]
    assert first["status"] == "queued"
    assert third["status"] == "scheduled"
    assert set(second["error"]["fields"]) == {"to_email", "shceduled_at"}
    assert fourth["error"]["code"] == "invalid_request"
    recipients = {r.email.public_id: r.address for r in Recipient.objects.all()}
    assert recipients == {
        first["message_id"]: "first@example.org",
        third["message_id"]: "third@example.org",
    }
    assert EmailEvent.objects.count() == 2


@pytest.mark.parametrize("path", [URL, URL + "/"])
def test_route_answers_with_and_without_slash(path):
    assert make_client().post(path, [request_body()], format="json").status_code == 202


def test_stranger_is_not_answered(client):
    assert client.post(URL, "[]", content_type="application/json").status_code == 401


def test_batch_goes_after_single_sends():
    send([request_body(), request_body()])
    make_client().post("/api/emails", request_body(), format="json")
    priorities = Recipient.objects.order_by("pk").values_list("priority", flat=True)
    assert list(priorities) == [Priority.BATCH, Priority.BATCH, Priority.SINGLE]


def test_each_kind_of_refusal_is_told_as_for_a_single_email(settings):
    settings.MAX_MESSAGE_BYTES = 1000
    settings.MAX_RECIPIENTS = 2
    project = make_project()
    needy = make_template(project)
    bodies = [
        request_body(html_body="x" * 1001),
        request_body(cc=["a@example.org", "b@example.org"]),
        request_body(template_id=needy.pk, subject=...),
        request_body(template_id=needy.pk + 1),
        request_body(attachments=[{"filename": "missing_000000.png"}]),
        request_body(attachments=[{"filename": "empty.txt", "content": ""}]),
    ]
    client = make_client(project)
    data = client.post(URL, bodies, format="json").json()["data"]
    alone = [client.post("/api/emails", body, format="json").json() for body in bodies]
    assert data == alone
    assert all("error" in item for item in data)
    assert not Email.objects.exists()


def test_atomic_batch_is_accepted_whole():
    answer = send([request_body(), request_body()], query="?atomic=true")
    assert answer.status_code == 202
    assert Email.objects.count() == len(answer.json()["data"]) == 2


def test_atomic_batch_with_one_refused_makes_nothing_and_names_it_by_its_place():
    project = make_project()
    bodies = [
        request_body(),
        request_body(to_email="nobody", subject="a\nb"),
        request_body(template_id=make_template(project).pk, subject=...),
        7,
    ]
    answer = send(bodies, project, "?atomic=true")
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert set(error["fields"]) == {"1.to_email", "1.subject", "2.variables.name", "3.request"}
    assert "3 of 4" in error["message"]
    assert not Email.objects.exists()


@pytest.mark.parametrize("query", ["?atomic=yes", "?atomic=", "?atomik=true"])
def test_misspelt_parameter_sends_nothing(query):
    answer = send([request_body()], query=query)
    assert answer.status_code == 400
    assert next(iter(answer.json()["error"]["fields"])) in query
    assert not Email.objects.exists()


@pytest.mark.parametrize("body", [[], {}, request_body(), "x", None, 1])
def test_what_is_no_list_of_emails_is_refused(body):
    answer = send(body)
    assert answer.status_code == 400
    assert "list" in answer.json()["error"]["message"]


def test_too_many_emails_are_refused_naming_the_limit(settings):
    settings.MAX_BATCH = 2
    assert send([request_body()] * 2).status_code == 202
    answer = send([request_body()] * 3)
    assert answer.status_code == 413
    assert "MAX_BATCH" in answer.json()["error"]["message"]


def test_batch_has_a_limit_of_its_own_on_bytes(settings):
    settings.MAX_BATCH_BYTES = 1000
    answer = send([request_body(html_body="x" * 1001)])
    assert answer.status_code == 413
    assert "MAX_BATCH_BYTES" in answer.json()["error"]["message"]
    settings.MAX_BATCH_BYTES, settings.MAX_REQUEST_BYTES = 10_000, 1000
    assert send([request_body(html_body="x" * 1001)]).status_code == 202


def test_bell_rings_once(monkeypatch, django_capture_on_commit_callbacks):
    rings = []
    monkeypatch.setattr(doorbell, "ring", lambda: rings.append(1))
    with django_capture_on_commit_callbacks(execute=True):
        send([request_body()] * 5)
    assert rings == [1]


def test_batch_of_refused_emails_rings_no_bell(django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as callbacks:
        assert send([{}, {}]).status_code == 202
    assert callbacks == []


def test_number_of_queries_does_not_grow_with_the_batch():
    assert queries_of(LEAST_COPIED) == queries_of(3 * LEAST_COPIED)
    assert Attachment.objects.count() == 4 * LEAST_COPIED
    assert Recipient.objects.count() == 2 * 4 * LEAST_COPIED


def queries_of(count):
    """How many it takes for emails that name a template and an upload each of their own."""
    project = make_project()
    client = make_client(project)
    client.get("/api/emails/msg_x")  # notes the use of the key
    bodies = [request(project, number) for number in range(count)]
    with CaptureQueriesContext(connection) as queries:
        answer = client.post(URL, bodies, format="json")
    assert all("error" not in item for item in answer.json()["data"])
    return len(queries)


def request(project, number):
    template = make_template(project, "Hello", "<p>Hello {{ name }}</p>")
    return request_body(
        subject=...,
        html_body=...,
        cc=["bob@example.org"],
        template_id=template.pk,
        variables={"name": str(number)},
        attachments=[{"filename": make_upload(project).name}],
    )


def test_number_of_a_template_is_read_as_a_single_email_reads_it():
    project = make_project()
    template = make_template(project, "Hello", "<p>Hello</p>")
    bodies = [request_body(template_id=value) for value in (str(template.pk), 10**30, -1, [], "x")]
    first, *others = send(bodies, project).json()["data"]
    assert first["status"] == "queued"
    assert [list(item["error"]["fields"]) for item in others] == [["template_id"]] * 4


def test_store_out_of_reach_refuses_the_batch_whole(settings, tmp_path):
    (tmp_path / "file").touch()
    broken = {
        "BACKEND": "uploads.local.LocalStorage",
        "OPTIONS": {"location": tmp_path / "file" / "folder"},
    }
    settings.STORAGES = settings.STORAGES | {"default": broken}
    attached = {"filename": "a.txt", "content": "aGk="}
    answer = send([request_body(), request_body(attachments=[attached])])
    assert answer.status_code == 503
    assert not Email.objects.exists()
