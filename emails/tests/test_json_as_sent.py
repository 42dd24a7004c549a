"""Objects of a caller are kept as sent: pairs in their order, numbers as they were written."""

import json

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from accounts.tests.factories import make_client, make_project
from emails import outgoing
from emails.accept import prepare, save
from emails.insertion import LEAST_COPIED
from emails.models import Email
from emails.rendering import render_to_send
from emails.submission import AttachedFile
from emails.tests.factories import (
    make_email,
    make_submission,
    make_template,
    request_body,
    version_of,
)

pytestmark = pytest.mark.django_db

SENT = {"o": {"bbb": 1, "a": 2}, "n": [1e22, -0.0, {"zz": None, "y": "ü\\"}]}
KEYS = "{% for k, v in o.items %}{{ k }}{% endfor %}"


def stored():
    """The objects of all emails, as text: two dicts are equal in any order."""
    rows = Email.objects.values_list("variables", "metadata")
    return {json.dumps(value) for row in rows for value in row}


@pytest.mark.parametrize(("mails", "files"), [(1, 0), (1, 1), (3, 0), (LEAST_COPIED, 0)])
def test_pairs_are_rendered_in_the_order_sent_however_the_rows_were_written(mails, files):
    project = make_project()
    parts = {
        "template_version": version_of(make_template(project, "Hello", KEYS, KEYS)),
        "subject": None,
        "html_body": None,
        "attachments": (AttachedFile("a.txt", content=b"a"),) * files,
        "variables": SENT,
        "metadata": SENT,
    }
    save([prepare(make_submission(project, **parts)) for _ in range(mails)])
    sent = outgoing.load(Email.objects.values_list("pk", flat=True))
    assert [render_to_send(email).text for email in sent.values()] == ["bbba"] * mails
    assert stored() == {json.dumps(SENT)}


def test_rows_that_are_written_again_keep_the_order():
    email = make_email(variables=SENT, metadata=SENT)
    email.refresh_from_db()
    email.save()
    assert stored() == {json.dumps(SENT)}
    Email.objects.update(variables={}, metadata={})
    Email.objects.bulk_update([email], ["variables", "metadata"])
    assert stored() == {json.dumps(SENT)}


@pytest.mark.parametrize("document", [{}, [], "1", "text", 1, True])
def test_document_of_any_kind_comes_back_as_it_was(document):
    email = make_email()
    email.metadata = document
    email.save()
    email.refresh_from_db()
    assert email.metadata == document
    assert type(email.metadata) is type(document)


def test_metadata_is_shown_in_the_order_sent():
    client = make_client()
    answer = client.post("/api/emails", request_body(metadata=SENT["o"]), format="json")
    shown = client.get(f"/api/emails/{answer.json()['message_id']}").json()
    assert list(shown["metadata"].items()) == [("bbb", 1), ("a", 2)]


def test_header_fields_stand_in_the_order_sent():
    headers = {"X-Second": "2", "X-A": "1", "X-Third-Of-All": "3"}
    email = make_email(headers=headers)
    email.refresh_from_db()
    assert list(email.headers.items()) == list(headers.items())


def migrate(name):
    connection.check_constraints()  # a table can't be altered while new rows wait for that
    MigrationExecutor(connection).migrate([("emails", name)])


def types():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_typeof(variables)::text, pg_typeof(metadata)::text FROM emails")
        return cursor.fetchone()


@pytest.mark.services
def test_migration_keeps_what_is_there_both_ways():
    email = make_email(variables=SENT, metadata=SENT["o"])
    migrate("0004_submission_body")
    assert types() == ("jsonb", "jsonb")
    migrate("0005_json_as_sent")
    assert types() == ("json", "json")
    email.refresh_from_db()
    assert (email.variables, email.metadata) == (SENT, SENT["o"])
