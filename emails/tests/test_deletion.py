"""What belongs to an email goes with it, and to find it needs no reading of whole tables."""

import pytest
from django.db import connection

from accounts.tests.factories import make_project
from emails.admin.listing import search
from emails.models import Email, EmailEvent, Recipient
from emails.tests.factories import make_email

pytestmark = pytest.mark.django_db


def left():
    return [model.objects.count() for model in (Email, Recipient, EmailEvent)]


@pytest.mark.parametrize("what", ["the project", "the email"])
def test_recipients_and_events_go_with_their_project_and_their_email(what):
    project, stays = make_project(), make_email()
    email = make_email(project)
    assert left() == [2, 2, 2]
    (project if what == "the project" else email).delete()
    assert left() == [1, 1, 1]
    assert Recipient.objects.get().email == EmailEvent.objects.get().email == stays


def test_no_deletion_asks_for_rows_by_a_column_without_an_index():
    project = make_project()
    make_email(project)
    with connection.execute_wrapper(_refuse_to_look_for_what_has_no_index):
        project.delete()
    assert left() == [0, 0, 0]


def _refuse_to_look_for_what_has_no_index(execute, sql, params, many, context):
    table, _, condition = sql.partition(" WHERE ")
    assert not ('"recipients"' in table and '"project_id"' in condition), sql
    assert not ('"email_events"' in table and '"recipient_id"' in condition), sql
    return execute(sql, params, many, context)


@pytest.mark.services
def test_no_foreign_key_of_mail_has_postgresql_read_a_whole_table():
    """To delete a row it looks for those that name it: by an index that begins with the column."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT conrelid::regclass::text, attname FROM pg_constraint
            JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
            WHERE contype = 'f' AND conrelid IN (
                'emails'::regclass, 'recipients'::regclass, 'email_events'::regclass,
                'attachments'::regclass, 'suppressions'::regclass
            ) AND NOT EXISTS (
                SELECT FROM pg_index WHERE indrelid = conrelid AND indkey[0] = conkey[1]
            )
            """
        )
        assert cursor.fetchall() == []


@pytest.mark.services
@pytest.mark.parametrize("term", ["{id}", "{id_start}"])
def test_ids_and_their_beginnings_are_found_by_index(term):
    email = make_email()
    found = search(Email.objects.order_by(), term.format(id=email.public_id, id_start="msg_abcd"))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = found.explain()
    assert "Index Cond" in plan
    assert "emails_public_id" in plan
