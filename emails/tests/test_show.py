"""GET /api/emails/{message_id}."""

import pytest

from accounts.tests.factories import make_client, make_project
from emails.tests.factories import make_email

pytestmark = pytest.mark.django_db


def test_email_is_shown_with_recipients_and_events():
    project = make_project()
    email = make_email(project)
    shown = make_client(project).get(f"/api/emails/{email.public_id}").json()
    assert (shown["message_id"], shown["status"]) == (email.public_id, "queued")
    assert [(r["email"], r["status"]) for r in shown["recipients"]] == [
        ("ann@example.org", "queued")
    ]
    assert [(e["type"], e["recipient"]) for e in shown["events"]] == [("queue", "ann@example.org")]


def test_stranger_gets_404():
    email = make_email()
    answer = make_client().get(f"/api/emails/{email.public_id}")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


def test_unknown_id_gets_404():
    assert make_client().get("/api/emails/msg_unknown").status_code == 404


def test_showing_costs_the_same_for_many_recipients(django_assert_max_num_queries):
    from emails.addresses import Address

    project = make_project()
    email = make_email(project, cc=tuple(Address(f"p{n}@example.org") for n in range(30)))
    client = make_client(project)
    client.get("/api/emails")  # notes the use of its key
    with django_assert_max_num_queries(6):
        client.get(f"/api/emails/{email.public_id}")
