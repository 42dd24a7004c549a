"""Mail to an address on the list is accepted, never sent, and says why."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.tests.factories import make_client
from emails import doorbell, taking_over, transitions
from emails.addresses import Address
from emails.models import Email, EmailEvent, EventType, Recipient, Status, Suppression
from emails.models.recipient import Priority
from emails.suppressing import suppress
from emails.tests.factories import make_email, make_project, request_body

pytestmark = pytest.mark.django_db
ANN = "ann@example.org"


def claim(limit, lease):
    return transitions.claim(limit, lease)[1]


def events_of(email):
    found = EmailEvent.objects.filter(email__public_id=email).order_by("pk")
    return [(event.type, event.recipient.address, event.data) for event in found]


def tomorrow():
    return (timezone.now() + timedelta(days=1)).isoformat()


def facts(address=ANN):
    entry = Suppression.objects.get(address=address)
    since = entry.created_at.isoformat(timespec="seconds")
    return {"reason": entry.reason, "since": since}


@pytest.fixture
def client():
    project = make_project()
    client = make_client(project)
    client.project = project
    return client


def post(client, **values):
    answer = client.post("/api/emails", request_body(**values), format="json")
    assert answer.status_code == 202
    return answer.json()


# --- At acceptance ---


@pytest.mark.parametrize("address", [ANN, "Ann@EXAMPLE.org"])
@pytest.mark.parametrize("later", [False, True])
def test_mail_to_a_suppressed_address_is_accepted_and_goes_to_nobody(client, address, later):
    suppress(client.project.pk, ANN, "complaint")
    said = post(client, to_email=address, **({"scheduled_at": tomorrow()} if later else {}))
    assert said["status"] == "suppressed"
    assert Recipient.objects.get().status == Status.SUPPRESSED
    [(type_, _, data)] = events_of(said["message_id"])
    assert (type_, data) == (EventType.SUPPRESS, facts())
    shown = client.get(f"/api/emails/{said['message_id']}").json()
    assert (shown["status"], shown["recipients"][0]["status"]) == ("suppressed", "suppressed")
    assert claim(10, 60) == []


def test_others_get_the_mail(client):
    suppress(client.project.pk, "bob@example.org", "bounce")
    said = post(client, cc=[{"email": "bob@example.org"}, {"email": "cleo@example.org"}])
    assert said["status"] == "queued"
    assert {row.address: row.status for row in Recipient.objects.all()} == {
        ANN: "queued",
        "bob@example.org": "suppressed",
        "cleo@example.org": "queued",
    }
    assert {(type_, address) for type_, address, _ in events_of(said["message_id"])} == {
        ("queue", ANN),
        ("suppress", "bob@example.org"),
        ("queue", "cleo@example.org"),
    }
    assert {row.address for row in claim(10, 60)} == {ANN, "cleo@example.org"}


@pytest.mark.parametrize(
    ("others", "shown"),
    [
        ([], "suppressed"),
        (["delivered"], "delivered"),
        (["delivered", "delivered"], "delivered"),
        (["delivered", "bounced"], "bounced"),
        (["delivered", "expired"], "expired"),
        (["delivered", "failed"], "failed"),
        (["delivered", "deferred"], "deferred"),
        (["cancelled"], "cancelled"),
        (["sending"], "sending"),
    ],
)
def test_email_shows_what_became_of_those_who_were_written_to(client, others, shown):
    suppress(client.project.pk, ANN, "bounce")
    people = [f"p{number}@example.org" for number, _ in enumerate(others)]
    said = post(client, cc=[{"email": address} for address in people])
    for address, status in zip(people, others, strict=True):
        Recipient.objects.filter(address=address).update(status=status)
    assert client.get(f"/api/emails/{said['message_id']}").json()["status"] == shown


def test_other_projects_write_to_it(client):
    suppress(make_project().pk, ANN, "bounce")
    assert post(client)["status"] == "queued"


def test_address_that_left_the_list_is_written_to(client):
    suppress(client.project.pk, ANN, "bounce")
    Suppression.objects.all().delete()
    assert post(client)["status"] == "queued"


def test_each_mail_of_a_batch_says_its_own_status(client):
    suppress(client.project.pk, ANN, "bounce")
    addresses = [f"p{number}@example.org" for number in range(20)]
    addresses[3] = ANN
    bodies = [request_body(to_email=address) for address in addresses]
    bodies[5] = {}
    said = client.post("/api/emails/batch", bodies, format="json").json()["data"]
    states = [item.get("status") for item in said]
    assert states == ["suppressed" if n == 3 else None if n == 5 else "queued" for n in range(20)]
    assert Recipient.objects.filter(status=Status.SUPPRESSED).count() == 1
    assert EmailEvent.objects.filter(type="queue").count() == 18


def test_repeated_request_gets_the_same_answer(client):
    suppress(client.project.pk, ANN, "bounce")
    first, again = (
        client.post("/api/emails", request_body(), format="json", HTTP_IDEMPOTENCY_KEY="k")
        for _ in range(2)
    )
    assert first.json()["status"] == "suppressed"
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert Email.objects.count() == 1


def test_mail_with_an_attachment_is_suppressed_too(client):
    suppress(client.project.pk, ANN, "bounce")
    file = {"filename": "a.txt", "content": "aGk="}
    assert post(client, attachments=[file])["status"] == "suppressed"


@pytest.mark.parametrize("many", [1, 30])
def test_looking_costs_one_query_at_most(client, many, django_assert_max_num_queries):
    bodies = [request_body(to_email=f"p{n}@example.org") for n in range(many)]
    client.post("/api/emails/batch", bodies, format="json")
    before = 8 if connection.vendor == "postgresql" else 6
    with django_assert_max_num_queries(before + 1):
        client.post("/api/emails/batch", bodies, format="json")


# --- Between acceptance and its time ---


def make_due(address=ANN, status=Status.QUEUED, project=None, **values):
    email = make_email(project, to=(Address(address),))
    Recipient.objects.filter(email=email).update(
        address=address,
        status=status,
        next_attempt_at=timezone.now() - timedelta(seconds=1),
        **values,
    )
    return email


@pytest.mark.parametrize("priority", Priority.values)
@pytest.mark.parametrize("status", [Status.SCHEDULED, Status.QUEUED, Status.DEFERRED])
@pytest.mark.parametrize("address", [ANN, "Ann@Example.ORG"])
def test_address_suppressed_after_acceptance_is_settled_at_the_claim(priority, status, address):
    email = make_due(address, status, priority=priority, attempts=3)
    suppress(email.project_id, ANN, "unsubscribe")
    assert claim(10, 60) == []
    row = Recipient.objects.get()
    assert (row.status, row.attempts, row.lease_token) == ("suppressed", 3, None)
    last = EmailEvent.objects.order_by("pk").last()
    assert (last.type, last.data, last.recipient_id) == ("suppress", facts(), row.pk)
    assert taking_over.take_over() == []
    assert claim(10, 60) == []


@pytest.mark.parametrize("address", ["ann@bücher.example", "JÜRGEN@example.org", "ÜMIT@bücher.de"])
def test_address_beyond_ascii_is_found_at_the_claim_too(address):
    email = make_due(address)
    make_due("ülkü@example.org", project=email.project)
    suppress(email.project_id, address, "bounce")
    assert [row.address for row in claim(10, 60)] == ["ülkü@example.org"]


def test_scheduled_mail_is_never_sent_once_its_address_is_suppressed(client):
    said = post(client, scheduled_at=tomorrow())
    suppress(client.project.pk, ANN, "complaint")
    Recipient.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))
    assert claim(10, 60) == []
    assert [type_ for type_, _, _ in events_of(said["message_id"])] == ["schedule", "suppress"]
    assert Email.objects.get().status == Status.SUPPRESSED


def test_claim_is_filled_up_where_suppressed_rows_stood_first():
    project = make_project()
    for number in range(30):
        make_due(f"p{number}@example.org", project=project)
    for number in range(25):
        suppress(project.pk, f"p{number}@example.org", "bounce")
    assert len(claim(5, 60)) == 5
    assert Recipient.objects.filter(status=Status.SUPPRESSED).count() == 25
    assert EmailEvent.objects.filter(type="suppress").count() == 25


def test_claim_ends_and_rings_when_it_has_settled_many(
    monkeypatch, django_capture_on_commit_callbacks
):
    """Of 60,000 that were suppressed at once, one claim had taken 23 seconds."""
    monkeypatch.setattr(transitions, "MOST_SUPPRESSED", 10)
    project = make_project()
    for number in range(13):
        make_due(f"p{number}@example.org", project=project)
        suppress(project.pk, f"p{number}@example.org", "bounce")
    with django_capture_on_commit_callbacks() as rung:
        assert claim(5, 60) == []
    assert Recipient.objects.filter(status=Status.SUPPRESSED).count() == 10
    assert rung == [doorbell.ring]
    with django_capture_on_commit_callbacks() as rung:
        assert claim(5, 60) == []
    assert Recipient.objects.filter(status=Status.SUPPRESSED).count() == 13
    assert rung == []


@pytest.mark.django_db(transaction=True)
def test_claim_and_what_it_suppressed_are_one_transaction(monkeypatch):
    email = make_due()
    suppress(email.project_id, ANN, "bounce")
    monkeypatch.setattr(Suppression, "facts", None)
    with pytest.raises(TypeError):
        transitions.claim(10, 60)
    assert Recipient.objects.get().status == Status.QUEUED
    assert not EmailEvent.objects.filter(type="suppress").exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("address", [ANN, "jürgen@example.org"])
def test_address_that_leaves_the_list_during_the_claim_is_written_to(address):
    """With PostgreSQL. SQLite has one writer: who takes it off the list waits for the claim."""
    email = make_due(address)
    make_due("bob@example.org", project=email.project)
    suppress(email.project_id, address, "bounce")
    waits = connection.vendor == "sqlite"
    leaving = threading.Thread(target=take_off_the_list)

    def meanwhile(execute, sql, *rest):
        result = execute(sql, *rest)
        if "UPDATE recipients" in sql and not leaving.ident:
            leaving.start()
            leaving.join(0.1 if waits else 30)
        return result

    with connection.execute_wrapper(meanwhile):
        taken = claim(10, 60)
    leaving.join(30)
    assert not Suppression.objects.exists()
    sent = {"bob@example.org"} if waits else {"bob@example.org", address}
    assert {one.address for one in taken} == sent
    others = Recipient.objects.exclude(address__in=sent)
    assert all(row.status == Status.SUPPRESSED for row in others)
    assert EmailEvent.objects.filter(type="suppress").count() == len(others)


def take_off_the_list():
    Suppression.objects.all().delete()
    connection.close()


def test_claim_of_others_takes_no_query_more(django_assert_num_queries):
    project = make_project()
    for number in range(5):
        make_due(f"p{number}@example.org", project=project)
    suppress(project.pk, ANN, "bounce")
    with django_assert_num_queries(2):  # one for each priority
        assert len(claim(10, 60)) == 5
