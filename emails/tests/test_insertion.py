"""Rows that are copied in are the rows that an INSERT would have made."""

import pytest
from django.db import IntegrityError, transaction
from django.forms.models import model_to_dict
from django.utils import timezone

from emails.accept import prepare, save
from emails.insertion import LEAST_COPIED, insert
from emails.models import Attachment, Email, EmailEvent, Recipient
from emails.tests.factories import make_project, make_submission

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


def test_copied_and_inserted_mail_are_alike_in_every_table():
    project = make_project()
    many = [prepare(make_submission(project)) for _ in range(LEAST_COPIED)]
    save(many)
    save([prepare(make_submission(project))])
    for model in (Recipient, EmailEvent):
        rows = list(model.objects.order_by("pk"))
        assert len(rows) == LEAST_COPIED + 1
        varying = {"id", "email", "recipient", "next_attempt_at", "timestamp"}
        alike = [{k: v for k, v in model_to_dict(row).items() if k not in varying} for row in rows]
        assert all(row == alike[-1] for row in alike)
    assert not Attachment.objects.exists()


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
