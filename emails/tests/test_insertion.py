"""Rows that are copied in are the rows that an INSERT would have made."""

from copy import copy
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.models import signals
from django.forms.models import model_to_dict
from django.utils import timezone

from accounts.tests.factories import make_client
from emails.accept import prepare, save
from emails.addresses import Address
from emails.insertion import LEAST_COPIED, insert, new_row
from emails.models import Attachment, Email, EmailEvent, Recipient
from emails.tests.factories import make_project, make_submission, request_body

pytestmark = pytest.mark.django_db

AWKWARD = ["\t", "\\N", "\\", "\\.", "a\nb\r\nc", "'\"", "ünïcødé \U0001f600", "", "%s {}", "NULL"]


def make_row(project, text, number):
    return Email(
        project=project,
        public_id=f"msg_{number}",
        from_email="shop@example.com",
        from_name=text,
        to=[{"email": "ann@example.org", "name": text}],
        html_body=text * 3,
        variables={text: [text, None, 1.5, True]},
        scheduled_at=timezone.now() if number % 2 else None,
        expires_at=timezone.now(),
        track_opens=bool(number % 2),
    )


@pytest.mark.parametrize("count", [1, LEAST_COPIED, 3 * LEAST_COPIED])
def test_rows_come_back_as_they_were(count):
    project = make_project()
    rows = [make_row(project, AWKWARD[n % len(AWKWARD)], n) for n in range(count)]
    insert(rows)
    stored = list(Email.objects.order_by("pk"))
    assert [model_to_dict(row) for row in stored] == [model_to_dict(row) for row in rows]
    assert [row.pk for row in rows] == [row.pk for row in stored]
    assert not any(row._state.adding for row in rows)


@pytest.mark.parametrize("model", [Email, Recipient, EmailEvent])
def test_new_row_is_what_the_model_makes(model):
    save([prepare(make_submission())])
    stored = model.objects.get()
    values = {field.attname: getattr(stored, field.attname) for field in model._meta.fields[1:]}
    made, row = model(**values), new_row(model, values)
    plain = {name: value for name, value in vars(row).items() if name != "_state"}
    assert plain == {name: value for name, value in vars(made).items() if name != "_state"}
    assert row._state.fields_cache == made._state.fields_cache  # which is made when asked for
    assert vars(row._state) == vars(made._state)
    receivers = [signals.pre_init, signals.post_init]
    assert not any(signal.has_listeners(model) for signal in receivers), "new_row sends no signal"
    with pytest.raises(AssertionError):
        new_row(model, values | {"other": 1})


def test_copied_and_inserted_mail_are_alike_in_every_table():
    project = make_project()
    many = [prepare(make_submission(project)) for _ in range(LEAST_COPIED)]
    save(many)
    save([prepare(make_submission(project))])
    varying = {"id", "email", "recipient", "next_attempt_at", "timestamp"}
    varying |= {"public_id", "rfc_message_id", "created_at", "expires_at"}
    for model in (Email, Recipient, EmailEvent):
        rows = list(model.objects.order_by("pk"))
        assert len(rows) == LEAST_COPIED + 1
        alike = [{k: v for k, v in model_to_dict(row).items() if k not in varying} for row in rows]
        assert all(row == alike[-1] for row in alike)
    assert not Attachment.objects.exists()


@pytest.mark.parametrize("scheduled", [False, True])
def test_mail_in_one_statement_is_as_the_tables_would_have_it(scheduled):
    people = tuple(Address(f"p{n}@example.org", text) for n, text in enumerate(AWKWARD[5:8]))
    submission = make_submission(
        subject="Ünïcødé %s",
        html_body="".join(AWKWARD) + "\u2028%(x)s",
        variables={text: [text, None, 1.5, True] for text in AWKWARD},
        headers={"X-A": "\\ '"},
        tags=("a", "{}"),
        cc=people,
        scheduled_at=timezone.now() + timedelta(days=1) if scheduled else None,
    )
    prepared = prepare(submission)
    save([prepared])
    stored = Email.objects.get()
    assert model_to_dict(stored) == model_to_dict(prepared.email)
    assert stored.pk == prepared.email.pk
    rows = list(Recipient.objects.order_by("pk"))
    assert [row.address for row in rows] == ["ann@example.org", *(who.email for who in people)]
    assert {(row.status, row.email_id) for row in rows} == {
        ("scheduled" if scheduled else "queued", stored.pk)
    }
    happened = EmailEvent.objects.order_by("pk")
    assert list(happened.values_list("recipient_id", "type", "email_id", "data")) == [
        (row.pk, "schedule" if scheduled else "queue", stored.pk, {}) for row in rows
    ]


def test_mail_in_one_statement_is_all_or_nothing():
    prepared = prepare(make_submission())
    save([prepared])
    again = replace(prepared, email=copy(prepared.email))
    again.email.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        save([again])
    assert [Model.objects.count() for Model in (Email, Recipient, EmailEvent)] == [1, 1, 1]


@pytest.mark.services
def test_usual_request_takes_two_statements_of_which_one_writes(django_assert_num_queries):
    client = make_client()
    client.post("/api/emails", request_body(), format="json")  # notes that the key is used
    with django_assert_num_queries(2):
        assert client.post("/api/emails", request_body(), format="json").status_code == 202


def test_fault_of_the_database_is_raised_as_django_raises_it():
    project = make_project()
    rows = [make_row(project, "", 7) for _ in range(LEAST_COPIED)]
    with pytest.raises(IntegrityError), transaction.atomic():
        insert(rows)
    assert not Email.objects.exists()
    insert(rows[:1])
    assert Email.objects.count() == 1


def test_no_rows_are_no_work(django_assert_num_queries):
    with django_assert_num_queries(0):
        insert([])
