"""The queue's numbers: what counts as waiting, by whose clock, and at what cost."""

from contextlib import ExitStack, contextmanager
from datetime import timedelta

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from emails import backlog
from emails.backlog import TooSlow
from emails.models import Recipient, Status
from emails.tests.factories import make_email, make_recipient

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 30.0


def waiting(status, seconds_ago):
    """Make a recipient whose clock stands so many seconds in the past."""
    moment = timezone.now() - timedelta(seconds=seconds_ago)
    recipient = make_recipient()
    Recipient.objects.filter(pk=recipient.pk).update(status=status, next_attempt_at=moment)


def test_nothing_waits_in_an_empty_queue():
    assert backlog.oldest_due_seconds(PATIENCE) == 0
    assert set(backlog.depth(PATIENCE).values()) == {0}


def test_only_what_is_not_final_is_counted():
    for status in Status:
        waiting(status, 0)
    waiting(Status.DEFERRED, -60)
    assert backlog.depth(PATIENCE) == {
        Status.SCHEDULED: 1,
        Status.QUEUED: 1,
        Status.SENDING: 1,
        Status.DEFERRED: 2,
    }


@pytest.mark.parametrize(
    "status", [Status.SCHEDULED, Status.QUEUED, Status.DEFERRED, Status.SENDING]
)
def test_age_counts_from_the_moment_when_somebody_could_have_taken_it(status):
    waiting(status, 300)
    waiting(status, 100)
    assert 300 <= backlog.oldest_due_seconds(PATIENCE) < 330


@pytest.mark.parametrize("status", [Status.DELIVERED, Status.BOUNCED, Status.CANCELLED])
def test_finished_recipient_is_never_overdue(status):
    waiting(status, 300)
    assert backlog.oldest_due_seconds(PATIENCE) == 0


def test_what_has_its_time_to_come_is_not_overdue():
    waiting(Status.SCHEDULED, -300)
    waiting(Status.SENDING, -30)  # its lease runs
    assert backlog.oldest_due_seconds(PATIENCE) == 0


def test_batch_that_waits_behind_fresh_single_sends_is_seen():
    waiting(Status.QUEUED, 10)
    waiting(Status.QUEUED, 500)
    Recipient.objects.filter(pk=Recipient.objects.latest("pk").pk).update(priority=10)
    assert 500 <= backlog.oldest_due_seconds(PATIENCE) < 530


def test_questions_read_partial_indexes_and_no_finished_row():
    plans = []

    def explained(execute, sql, params, many, context):
        if sql.lstrip().startswith("SELECT"):
            kind = "QUERY PLAN" if connection.vendor == "sqlite" else "(COSTS OFF)"
            with (
                connection.connection.cursor()
                if connection.vendor == "postgresql"
                else closing(connection.connection) as cursor
            ):
                rows = cursor.execute(f"EXPLAIN {kind} {sql}").fetchall()
                plans.append(" ".join(str(column) for row in rows for column in row))
        return execute(sql, params, many, context)

    make_email()
    with without_sequential_scans(), connection.execute_wrapper(explained):
        backlog.depth(PATIENCE)
        backlog.oldest_due_seconds(PATIENCE)
    assert len(plans) == 4
    for plan in plans:
        assert "recipients_due" in plan or "recipients_leased" in plan
        assert "Seq Scan" not in plan


@contextmanager
def closing(database):
    cursor = database.cursor()
    yield cursor
    cursor.close()


@contextmanager
def without_sequential_scans():
    """A table of one row is read whole by PostgreSQL, unless that is made expensive."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        yield
        cursor.execute("RESET enable_seqscan")


@pytest.mark.parametrize("question", [backlog.depth, backlog.oldest_due_seconds])
def test_answer_that_takes_too_long_is_cut(question):
    with held_up(), pytest.raises(TooSlow):
        question(0.0)
    question(PATIENCE)  # the limit does not stay


@contextmanager
def held_up():
    """Make the questions take long: on PostgreSQL by a lock, on SQLite by asking at each step."""
    with ExitStack() as stack:
        if connection.vendor == "postgresql":
            settings = connection.get_connection_params()
            names = ("host", "port", "user", "dbname")
            other = stack.enter_context(psycopg.connect(**{n: settings[n] for n in names}))
            other.execute("LOCK TABLE recipients IN ACCESS EXCLUSIVE MODE")
        else:
            stack.enter_context(pytest.MonkeyPatch.context()).setattr(backlog, "LOOK_EVERY", 1)
        yield
