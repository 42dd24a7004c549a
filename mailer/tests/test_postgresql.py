"""A connection that its server has closed is replaced, a good one costs no query, plans last."""

from select import select

import psycopg
import pytest
from django.db import (
    DataError,
    OperationalError,
    ProgrammingError,
    close_old_connections,
    connection,
    transaction,
)

from accounts.tests.factories import make_client
from mailer.postgresql import base

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]


def number_of_backend():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


def begin_request():
    connection.close_if_unusable_or_obsolete()


def ask_server(sql, *values):
    found = {name: connection.settings_dict[name] for name in ("HOST", "PORT", "USER", "NAME")}
    names = {"HOST": "host", "PORT": "port", "USER": "user", "NAME": "dbname"}
    described = {names[name]: value for name, value in found.items()}
    with psycopg.connect(**described, autocommit=True) as other:
        return other.execute(sql, values).fetchall()


@pytest.fixture(autouse=True)
def checked():
    """As in production; the test runner switches health checks off."""
    connection.ensure_connection()
    connection.health_check_enabled = True
    yield
    connection.close()


def wait_until_told():
    """A server passes a notification on some time after the statement that made it was answered."""
    told, _, _ = select([connection.connection.fileno()], [], [], 10)
    assert told


def statements_of(pid):
    return ask_server("SELECT query FROM pg_stat_activity WHERE pid = %s", pid)


def test_request_after_the_server_ended_the_connection_is_answered():
    client = make_client()
    before = number_of_backend()
    assert ask_server("SELECT pg_terminate_backend(%s, 5000)", before) == [(True,)]
    begin_request()
    assert client.get("/api/emails/msg_1").status_code == 404
    assert number_of_backend() != before


def test_good_connection_is_kept_and_not_asked():
    before = number_of_backend()
    begin_request()
    connection.close_if_health_check_failed()
    assert connection.health_check_done
    assert statements_of(before) == [("SELECT pg_backend_pid()",)]
    assert number_of_backend() == before


def test_connection_that_was_told_something_is_asked_and_kept():
    before = number_of_backend()
    with connection.cursor() as cursor:
        cursor.execute("LISTEN something")
    ask_server("SELECT pg_notify('something', '')")
    wait_until_told()
    begin_request()
    connection.close_if_health_check_failed()
    assert statements_of(before) == [("SELECT 1",)]
    assert number_of_backend() == before


def test_connection_is_asked_after_an_error():
    before = number_of_backend()
    connection.errors_occurred = True
    begin_request()
    assert statements_of(before) == [("SELECT 1",)]
    assert number_of_backend() == before


PLANNED = "SELECT count(*) FROM numbers WHERE id = ANY(%s)"


@pytest.fixture
def numbers():
    """A table that holds one number, as its statistics say."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE numbers (id integer PRIMARY KEY)")
        cursor.execute("INSERT INTO numbers VALUES (1)")
        cursor.execute("ANALYZE numbers")


def prepared():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement ~ 'numbers'")
        return cursor.fetchone()[0]


def reads_all():
    """Tell whether the planned statement reads the table from one end to the other."""
    counted = "SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'numbers'"
    with transaction.atomic(), connection.cursor() as cursor:
        before = cursor.execute(counted).fetchone()[0]
        assert connection.run_planned(PLANNED, [[1]]) == [(1,)]
        return cursor.execute(counted).fetchone()[0] > before


def test_statement_is_prepared_once_for_a_connection(numbers):
    for _ in range(10):
        assert connection.run_planned(PLANNED, [[1]]) == [(1,)]
    assert prepared() == 1
    connection.close()
    assert connection.run_planned("SELECT %s::text", ["and again"]) == [("and again",)]


def test_plan_is_made_anew_when_it_is_old(numbers, monkeypatch):
    assert all(reads_all() for _ in range(10))
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO numbers SELECT * FROM generate_series(2, 20000)")
    assert reads_all(), "the plan was kept for a while"
    monkeypatch.setattr(base, "PLAN_SECONDS", 0)
    assert not reads_all()


def test_where_a_pooler_forbids_it_nothing_is_prepared(numbers):
    connection.connection.prepare_threshold = None
    assert [connection.run_planned(PLANNED, [[1]]) for _ in range(10)] == [[(1,)]] * 10
    assert prepared() == 0


def test_error_of_a_planned_statement_is_one_of_django():
    with pytest.raises(DataError, match="division by zero"):
        connection.run_planned("SELECT 1 / %s", [0])
    assert connection.run_planned("SELECT 1 / %s", [1]) == [(1,)]


def test_connection_that_the_server_ended_is_told_as_one(numbers):
    connection.run_planned(PLANNED, [[1]])
    assert ask_server("SELECT pg_terminate_backend(%s, 5000)", number_of_backend()) == [(True,)]
    with pytest.raises(OperationalError):
        connection.run_planned(PLANNED, [[1]])
    close_old_connections()
    assert connection.run_planned("SELECT %s::int", [7]) == [(7,)]


@pytest.fixture
def behind_a_pooler():
    """A connection of its own, as what is found out about a pooler is kept."""
    wrapper = connection.copy()
    yield wrapper
    wrapper.close()


def lose_what_was_prepared(wrapper):
    """As a pooler does that leads the next statement to another server."""
    assert wrapper.run_planned("SELECT %s::int", [1]) == [(1,)]
    with wrapper.cursor() as cursor:  # so that the client does not understand it
        cursor.execute("DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$")


def prepare_as_another_client(wrapper):
    with wrapper.cursor() as cursor:
        cursor.execute("PREPARE _pg3_0 AS SELECT 0")


@pytest.mark.parametrize("lead_astray", [lose_what_was_prepared, prepare_as_another_client])
def test_pooler_that_mixes_up_what_is_prepared_costs_a_repetition(
    lead_astray, behind_a_pooler, caplog
):
    lead_astray(behind_a_pooler)
    with pytest.raises(ProgrammingError):
        behind_a_pooler.run_planned("SELECT %s::int", [1])
    assert "DATABASE_PREPARE=false" in caplog.text
    for _ in range(2):
        assert behind_a_pooler.run_planned("SELECT %s::int", [1]) == [(1,)]
        lose_what_was_prepared(behind_a_pooler)
