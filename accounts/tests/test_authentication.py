"""`Authorization: Bearer <key>`: who gets in, and what is kept of a key."""

import hashlib
from datetime import timedelta

import pytest
from django.core import serializers
from django.utils import timezone

from accounts.authentication import Caller
from accounts.models import ApiKey, Project
from accounts.tests.factories import make_client, make_key, make_project

pytestmark = pytest.mark.django_db

URL = "/api/emails/msg_unknown"  # 404 for whoever gets in


def get(client, header=None):
    return client.get(URL, headers={"Authorization": header} if header is not None else {})


def test_key_opens_the_door(client):
    assert get(client, f"Bearer {make_key()}").status_code == 404


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer "])
def test_scheme_is_read_in_any_case(client, scheme):
    assert get(client, f"{scheme} {make_key()}").status_code == 404


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "not_authenticated"),
        ("", "not_authenticated"),
        ("   ", "not_authenticated"),
        ("Bearer", "authentication_failed"),
        ("Bearer a b", "authentication_failed"),
        ("Basic dXNlcjpwYXNz", "authentication_failed"),
        ("mk_0123456789", "authentication_failed"),
        ("Bearer mk_0123456789", "authentication_failed"),
        ("Bearer \u00e9\u00ff", "authentication_failed"),
        ("Bearer " + "x" * 8000, "authentication_failed"),
        ("Bearer x, Bearer y", "authentication_failed"),
    ],
)
def test_other_headers_are_answered_401_with_a_challenge(client, header, code):
    answer = get(client, header)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json()["error"]["code"] == code
    assert answer.json()["error"]["fields"] == {}


def test_hash_of_a_key_opens_nothing(client):
    make_key()
    assert get(client, f"Bearer {ApiKey.objects.get().digest}").status_code == 401


def test_revoked_key_is_refused_at_once(client):
    api_key, secret = ApiKey.issue(make_project(), "billing")
    assert get(client, f"Bearer {secret}").status_code == 404
    api_key.revoke()
    assert get(client, f"Bearer {secret}").status_code == 401


def test_revoking_twice_keeps_the_first_time():
    api_key, _ = ApiKey.issue(make_project(), "billing")
    api_key.revoke()
    api_key.refresh_from_db()
    first = api_key.revoked_at
    api_key.revoke()
    api_key.refresh_from_db()
    assert api_key.revoked_at == first


def test_key_has_256_random_bits_and_a_visible_start():
    api_key, secret = ApiKey.issue(make_project(), "billing")
    assert secret.startswith("mk_")
    assert len(secret) == 3 + 43  # 32 octets as base64url
    assert secret.startswith(api_key.prefix)
    assert len(secret) - len(api_key.prefix) >= 22  # 128 bits stay unseen
    assert secret != ApiKey.issue(api_key.project, "billing")[1]


def test_only_the_hash_of_a_key_is_kept_or_shown():
    api_key, secret = ApiKey.issue(make_project(), "billing")
    assert api_key.digest == hashlib.sha256(secret.encode()).hexdigest()
    rows = serializers.serialize("json", [*ApiKey.objects.all(), *Project.objects.all()])
    caller = Caller(api_key.project, api_key)
    for text in (rows, str(api_key), repr(api_key), repr(caller), repr(vars(api_key))):
        assert secret not in text
        assert secret[len(api_key.prefix) :] not in text


def test_no_log_line_holds_a_key(client, caplog):
    secret = make_key()
    with caplog.at_level("DEBUG"):
        get(client, f"Bearer {secret}")
        get(client, f"Basic {secret}")
        get(client, f"Bearer {secret}x")
    assert secret not in caplog.text


def test_use_is_noted_to_the_minute():
    api_key, _ = ApiKey.issue(make_project(), "billing")
    recent = timezone.now() - timedelta(seconds=50)
    for before, kept in ((None, False), (recent, True), (recent - timedelta(seconds=20), False)):
        ApiKey.objects.update(last_used_at=before)
        api_key.refresh_from_db()
        api_key.note_use()
        api_key.refresh_from_db()
        assert (api_key.last_used_at == before) is kept
        assert timezone.now() - api_key.last_used_at < timedelta(minutes=1)


def test_recognising_a_recent_key_costs_one_query(django_assert_num_queries):
    client = make_client()
    client.get("/api/emails")
    with django_assert_num_queries(1):
        assert client.get("/api/emails").status_code == 405
