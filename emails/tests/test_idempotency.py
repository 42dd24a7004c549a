"""`Idempotency-Key`: whoever repeats a request gets its first answer, and no second mail."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import idempotency
from accounts.models import ApiKey, IdempotencyKey
from accounts.tests.factories import make_client, make_key, make_project
from emails.models import Email
from emails.tests.factories import make_template, request_body
from uploads.models import Upload

URL = "/api/emails"
BATCH = "/api/emails/batch"
FILE = {"filename": "a.txt", "content": "aGk="}


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    """Where files are stored, empty at the start."""
    local = {"BACKEND": "uploads.local.LocalStorage", "OPTIONS": {"location": tmp_path}}
    settings.STORAGES = settings.STORAGES | {"default": local}
    return tmp_path


@pytest.fixture(autouse=True)
def silence(monkeypatch):
    """Let no bell of ours ring in the next test."""
    monkeypatch.setattr("emails.doorbell.ring", lambda: None)


def send(client, key, url=URL, body=None, **values):
    headers = {"Idempotency-Key": key}
    return client.post(url, body or request_body(**values), format="json", headers=headers)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("url", "body"), [(URL, request_body()), (BATCH, [request_body(), request_body(to_email="x")])]
)
def test_repeated_request_gets_the_first_answer_and_makes_nothing(url, body):
    client = make_client()
    first, second = (send(client, "k1", url, body) for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 202)
    assert second.content == first.content
    assert second.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert Email.objects.count() == 1


@pytest.mark.django_db
def test_first_answer_is_given_even_where_the_request_would_now_be_refused():
    project = make_project()
    template = make_template(project, "Hello", "<p>Hello</p>")
    client = make_client(project)
    body = request_body(template_id=template.pk)
    first = send(client, "k1", URL, body)
    Email.objects.all().delete()
    template.delete()
    assert make_client(project).post(URL, body, format="json").status_code == 400
    assert send(client, "k1", URL, body).json() == first.json()


@pytest.mark.django_db
def test_key_with_another_body_path_or_query_is_refused():
    client = make_client()
    body = [request_body()]
    assert send(client, "k1", BATCH, body).status_code == 202
    others = [(BATCH, [request_body(subject="Other")]), (BATCH + "?atomic=true", body), (URL, None)]
    for url, other in others:
        answer = send(client, "k1", url, other)
        assert answer.status_code == 422
        assert answer.json()["error"]["code"] == "idempotency_key_reused"
    assert Email.objects.count() == 1


@pytest.mark.django_db
def test_trailing_slash_makes_no_other_request():
    client = make_client()
    assert send(client, "k1").json() == send(client, "k1", URL + "/").json()


@pytest.mark.django_db
def test_keys_of_two_projects_know_nothing_of_each_other():
    answers = [send(make_client(), "k1") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert Email.objects.count() == 2


@pytest.mark.django_db
def test_refused_request_keeps_no_key_and_may_be_corrected_under_it():
    client = make_client()
    assert send(client, "k1", to_email="nobody").status_code == 400
    assert send(client, "k1", BATCH + "?atomic=true", [{}]).status_code == 400
    assert IdempotencyKey.objects.count() == 0
    assert send(client, "k1").status_code == 202


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "x" * 256, "ä", "a\tb", "a\x7f"])
def test_malformed_key_is_refused(key):
    answer = send(make_client(), key)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_idempotency_key"
    assert Email.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["x", "x" * 255, '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "a b~!"])
def test_key_of_any_printable_ascii_is_taken(key):
    client = make_client()
    assert send(client, key).json() == send(client, key).json()


@pytest.mark.django_db
def test_expired_key_is_taken_anew():
    client = make_client()
    first = send(client, "k1")
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=24, seconds=1))
    second = send(client, "k1", subject="Tomorrow's")
    assert second.status_code == 202
    assert second.json() != first.json()
    assert send(client, "k1", subject="Tomorrow's").content == second.content
    assert IdempotencyKey.objects.count() == 1


@pytest.mark.django_db
def test_stranger_without_a_key_of_the_api_learns_nothing_of_a_kept_answer(client):
    send(make_client(), "k1")
    answer = client.post(URL, headers={"Idempotency-Key": "k1"})
    assert answer.status_code == 401


@pytest.mark.django_db(transaction=True)
def test_failure_while_saving_leaves_neither_key_nor_mail_nor_file(monkeypatch, folder):
    def fail(recipients):
        raise RuntimeError("the power is gone")

    monkeypatch.setattr("emails.events.accepted", fail)
    client = make_client()
    assert send(client, "k1", attachments=[FILE]).status_code == 500
    assert send(client, "k2", BATCH, [request_body(attachments=[FILE])]).status_code == 500
    assert not Email.objects.exists()
    assert not IdempotencyKey.objects.exists()
    assert files(folder) == set()


@pytest.mark.django_db(transaction=True)
def test_refused_batch_leaves_no_file(folder):
    body = [request_body(attachments=[FILE]), {}]
    assert make_client().post(BATCH + "?atomic=true", body, format="json").status_code == 400
    two = [FILE, {"filename": "b.txt", "content": ""}]
    assert make_client().post(URL, request_body(attachments=two), format="json").status_code == 400
    assert files(folder) == set()


@pytest.mark.django_db(transaction=True)
def test_parallel_requests_with_one_key_make_one_mail(folder):
    many = 50
    key, start = make_used_key(), threading.Barrier(many)

    def post(_):
        client = client_with(key)
        start.wait()
        try:
            return send(client, "k1", attachments=[FILE])
        finally:
            connections.close_all()

    with ThreadPoolExecutor(many) as threads:
        answers = list(threads.map(post, range(many)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == many - 1
    assert Email.objects.get().attachments.count() == 1
    assert files(folder) == {Upload.objects.get().name}


@pytest.mark.django_db(transaction=True)
def test_request_waits_for_its_twin_and_gives_its_answer():
    key, sent = make_used_key(), threading.Event()
    answers = []

    def post():
        sent.set()
        answers.append(send(client_with(key), "k1"))
        connections.close_all()

    twin = threading.Thread(target=post)
    with transaction.atomic():
        first = send(client_with(key), "k1")
        twin.start()
        sent.wait()
        twin.join(0.3)
        assert twin.is_alive()  # it waits: nothing is committed yet
    twin.join()
    assert answers[0].content == first.content
    assert answers[0].headers["Idempotency-Replayed"] == "true"
    assert Email.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_request_goes_on_when_its_twin_failed():
    key, sent = make_used_key(), threading.Event()
    answers = []

    def post():
        sent.set()
        answers.append(send(client_with(key), "k1"))
        connections.close_all()

    twin = threading.Thread(target=post)
    with transaction.atomic():
        send(client_with(key), "k1")
        twin.start()
        sent.wait()
        twin.join(0.1)
        transaction.set_rollback(True)
    twin.join()
    assert answers[0].status_code == 202
    assert "Idempotency-Replayed" not in answers[0].headers
    assert Email.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("values", [{}, {"attachments": [FILE]}])
def test_request_whose_twin_runs_too_long_is_told_to_come_again(monkeypatch, folder, values):
    monkeypatch.setattr(idempotency, "WAIT_SECONDS", 0.2)
    key, answers = make_used_key(), []

    def post():
        answers.append(send(client_with(key), "k1", **values))
        answers.append(patience())
        connections.close_all()

    with transaction.atomic():
        send(client_with(key), "k1")
        twin = threading.Thread(target=post)
        twin.start()
        twin.join()
    answer, setting = answers
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "request_in_progress"
    assert int(answer.headers["Retry-After"]) >= 1
    assert setting in ("0", 20_000)  # the connection is as patient as it was
    assert not files(folder)


@pytest.mark.django_db(transaction=True)
def test_no_request_waits_to_note_the_use_of_its_key():
    key = make_key()
    answers = []

    def post():
        answers.append(client_with(key).post(URL, {}, format="json"))
        connections.close_all()

    with transaction.atomic():
        ApiKey.objects.update(name="in the hands of another")
        caller = threading.Thread(target=post)
        caller.start()
        caller.join(10)  # SQLite would be waited for twice as long
        answered = not caller.is_alive()
    caller.join()
    assert answered
    assert answers[0].status_code == 400


@pytest.mark.parametrize(("answers", "waits"), [(8, 5), (5, 4), (2, 1), (1, 0.5)])
def test_twin_is_given_up_before_the_database_is(settings, answers, waits):
    settings.DATABASE_ANSWER_SECONDS = answers
    assert idempotency.wait_seconds() == waits


def make_used_key():
    """A key whose use was just noted, so that no request writes to its row."""
    key = make_key()
    ApiKey.objects.update(last_used_at=timezone.now())
    return key


def client_with(key):
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client


def patience():
    sql = "SHOW lock_timeout" if connection.vendor == "postgresql" else "PRAGMA busy_timeout"
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def files(folder):
    return {path.name for path in folder.rglob("*") if path.is_file()}
