"""A connection that its server has closed is replaced, and a good one costs no query."""

from select import select

import psycopg
import pytest
from django.db import connection

from accounts.tests.factories import make_client

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
