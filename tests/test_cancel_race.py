"""Cancelling and sending race on the row, and exactly one of them wins."""

import random
import threading

import psycopg
import pytest
from django.db import connection

from emails import events, transitions
from emails.addresses import Address
from emails.models import EmailEvent, EventType, Recipient, Status
from emails.tests.factories import make_email, make_project

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]

ROUNDS = 3000


def test_cancel_and_send_never_both_win():
    project = make_project()
    others = (Address("bob@example.org"), Address("cy@example.org"))
    emails = [make_email(project, cc=others) for _ in range(ROUNDS)]
    shuffled = random.Random(7).sample(emails, ROUNDS)
    cancelled, sent, stopped = set(), set(), threading.Event()

    def cancel(part):
        for email in part:
            try:
                events.cancel(email)
            except events.TooLate:
                continue
            cancelled.add(email.pk)
        connection.close()

    def send():
        while True:
            token, taken = transitions.claim(7, 60)
            ids = [row.recipient_id for row in taken]
            if not ids and stopped.is_set():
                break
            settled = transitions.settle(
                transitions.Settlement(pk, token, Status.DELIVERED, EventType.DELIVER) for pk in ids
            )
            assert settled == {(pk, token) for pk in ids}
            sent.update(Recipient.objects.filter(pk__in=ids).values_list("email_id", flat=True))
        connection.close()

    cancellers = [threading.Thread(target=cancel, args=(shuffled[n::2],)) for n in range(2)]
    senders = [threading.Thread(target=send) for _ in range(2)]
    for thread in [*cancellers, *senders]:
        thread.start()
    for thread in cancellers:
        thread.join()
    stopped.set()
    for thread in senders:
        thread.join()

    assert not cancelled & sent
    assert cancelled | sent == {email.pk for email in emails}
    assert cancelled, "the senders were always first: nothing was tested"
    assert sent, "the cancellers were always first: nothing was tested"
    by_email = {}
    for email_id, status in Recipient.objects.values_list("email_id", "status"):
        by_email.setdefault(email_id, set()).add(status)
    assert all(statuses == {"cancelled"} for pk, statuses in by_email.items() if pk in cancelled)
    assert all(statuses == {"delivered"} for pk, statuses in by_email.items() if pk in sent)
    assert EmailEvent.objects.filter(type=EventType.CANCEL).count() == 3 * len(cancelled)


def test_claim_reads_its_partial_index_however_many_rows_are_done():
    project = make_project()
    email = make_email(project)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO recipients (project_id, email_id, kind, address, domain, status,
                next_attempt_at, attempts, priority, ambiguous)
            SELECT %s, %s, 'to', 'a@example.org', 'example.org',
                CASE WHEN n %% 3 = 0 THEN 'scheduled' ELSE 'delivered' END,
                now() + interval '1 day', 1, 0, false
            FROM generate_series(1, 60000) n
            """,
            [project.pk, email.pk],
        )
        cursor.execute("ANALYZE recipients")
    plans = []

    def explain(execute, sql, params, many, context):
        if "UPDATE recipients SET status = 'sending'" in sql:
            with psycopg.connect(**_credentials()) as other:
                rows = other.execute("EXPLAIN " + sql, params).fetchall()
                plans.append("\n".join(row[0] for row in rows))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        assert len(transitions.claim(100, 60)[1]) == 1
    assert plans
    assert all("Index Scan using recipients_due" in plan for plan in plans)
    assert not any("Seq Scan on recipients" in plan for plan in plans)


def _credentials():
    settings = connection.settings_dict
    return {
        "dbname": settings["NAME"],
        "user": settings["USER"],
        "host": settings["HOST"],
        "port": settings["PORT"],
    }
