"""/healthz and /readyz: what is away is named, and only the database takes us out of service."""

import pytest
from celery import current_app
from django.db import OperationalError, connection

from tests.servers import free_port
from uploads.tests.conftest import use


@pytest.fixture
def broker_away(monkeypatch):
    """Have Celery's configuration name a Redis that does not answer."""
    url = f"redis://127.0.0.1:{free_port()}/0"
    monkeypatch.setattr(current_app.conf, "broker_write_url", url)


def away(*args):
    raise OperationalError("the server closed the connection to user:secret@database")


@pytest.mark.parametrize("path", ["/healthz", "/healthz/"])
def test_process_answers_without_any_part(client, path):
    with connection.execute_wrapper(away):
        answer = client.get(path)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/readyz", "/readyz/"])
def test_every_part_is_named(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "database": "ok", "broker": "ok", "storage": "ok"}


@pytest.mark.django_db
def test_without_database_nothing_can_be_accepted(client):
    with connection.execute_wrapper(away):
        answer = client.get("/readyz")
    assert answer.status_code == 503
    said = answer.json()
    assert said["status"] == "unavailable"
    assert said["database"] == "out of reach (OperationalError)"
    assert (said["broker"], said["storage"]) == ("ok", "ok")
    assert b"secret" not in answer.content


@pytest.mark.django_db
def test_without_broker_mail_is_accepted_all_the_same(client, broker_away):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    said = answer.json()
    assert said["status"] == "degraded"
    assert said["broker"].startswith("out of reach")
    assert said["database"] == "ok"


@pytest.mark.django_db
def test_without_storage_mail_is_accepted_all_the_same(client, settings):
    endpoint = f"http://127.0.0.1:{free_port()}"
    use(settings, "uploads.s3.S3Storage", bucket_name="none", endpoint_url=endpoint)
    answer = client.get("/readyz")
    assert answer.status_code == 200
    said = answer.json()
    assert said["status"] == "degraded"
    assert said["storage"].startswith("out of reach")


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_only_looking_is_allowed(client, path):
    answer = client.post(path)
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]
    assert client.head(path).status_code == 200
