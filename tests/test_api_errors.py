"""Every route of the API answers every refusal in one shape, and never by a redirect or a page."""

import io
import json
import logging
import socket

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.urls import get_resolver

from accounts.tests.factories import make_key

pytestmark = pytest.mark.django_db

JSON = "application/json"
ROUTES = [  # path, methods, the media type that it takes, none where it reads no body
    ("/api/emails", "POST", JSON),
    ("/api/emails/batch", "POST", JSON),
    ("/api/emails/cancel", "POST", JSON),
    ("/api/emails/msg_unknown", "GET", ""),
    ("/api/upload", "POST", "multipart/form-data"),
    ("/api/domains", "GET POST", JSON),
    ("/api/domains/unknown.example", "GET DELETE", ""),
    ("/api/domains/unknown.example/check", "POST", ""),
    ("/api/domains/unknown.example/rotate", "POST", ""),
]
PATHS = [path + slash for path, _, _ in ROUTES for slash in ("", "/")]
POSTS = [(path, accepted) for path, methods, accepted in ROUTES if "POST" in methods and accepted]
UNKNOWN = ["/api", "/api/", "/api/email", "/api/emails//", "/api/emails/x/y", "/api/emails/MSG_1"]
UNKNOWN += ["/api/emails%0A", "/api/%0A", "/api/%00", "/api/%FF", "/api/upload/x", "/api/../x"]


def methods_of(path):
    return next(methods.split() for route, methods, _ in ROUTES if path.rstrip("/") == route)


def strict_client(key=None):
    """A client as programs are: without cookies, and with Django's check for them at work."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return Client(enforce_csrf_checks=True, raise_request_exception=False, headers=headers)


@pytest.fixture
def api():
    return strict_client(make_key())


def refused(answer, status, code):
    """Check the shape of a refusal and return it."""
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == JSON
    content = json.loads(answer.content)
    assert set(content) == {"error"}
    error = content["error"]
    assert {"code", "message", "fields"} <= set(error)
    assert error["code"] == code
    assert error["message"].endswith((".", "`."))
    assert isinstance(error["fields"], dict)
    for messages in error["fields"].values():
        assert messages
        assert all(isinstance(message, str) for message in messages)
    return error


def test_table_names_every_route_of_the_api():
    named = {
        str(pattern.pattern)
        for part in get_resolver().url_patterns
        for pattern in [part, *getattr(part, "url_patterns", [])]
        if getattr(getattr(pattern, "callback", None), "cls", None)
    }
    assert len(named) == len(ROUTES)


@pytest.mark.parametrize("path", PATHS)
def test_without_key(path):
    for method in ("get", "post", "put", "delete", "options"):
        answer = getattr(strict_client(), method)(path)
        refused(answer, 401, "not_authenticated")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("path", UNKNOWN)
@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "options"])
def test_unknown_path(api, settings, method, path, debug):
    settings.DEBUG = debug
    error = refused(getattr(api, method)(path), 404, "not_found")
    assert "path" in error["message"]


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("slash", ["", "/"])
def test_unknown_id(api, settings, slash, debug):
    settings.DEBUG = debug
    refused(api.get(f"/api/emails/msg_unknown{slash}"), 404, "not_found")
    refused(api.get(f"/api/emails/msg_{'x' * 2000}{slash}"), 404, "not_found")
    answer = api.post(f"/api/emails/cancel{slash}", {"email_id": "msg_unknown"}, JSON)
    refused(answer, 404, "not_found")


@pytest.mark.parametrize(
    "email_id", ["msg_' OR 1=1", "%", "msg_*", "../x", "é", "👋", " ", "-1", "x" * 64]
)
def test_odd_id_is_as_unknown_as_any(api, email_id):
    refused(api.post("/api/emails/cancel", {"email_id": email_id}, JSON), 404, "not_found")


@pytest.mark.parametrize("email_id", [None, 1, 1.5, True, [], {}, ["msg_1"], "x" * 65, ""])
def test_id_that_is_no_text_is_named(api, email_id):
    answer = api.post("/api/emails/cancel", {"email_id": email_id}, JSON)
    assert list(refused(answer, 400, "invalid_request")["fields"]) == ["email_id"]


@pytest.mark.parametrize("path", PATHS)
def test_wrong_method_names_those_allowed(api, path):
    right = methods_of(path)
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"} - set(right):
        answer = api.generic(method, path)
        error = refused(answer, 405, "method_not_allowed")
        for allowed in right:
            assert allowed in answer.headers["Allow"]
            assert allowed in error["message"]


@pytest.mark.parametrize("path", PATHS)
def test_options_names_the_methods_and_head_has_no_surprise(api, path):
    right = methods_of(path)
    answer = api.options(path)
    assert answer.status_code == 200
    assert all(method in answer.headers["Allow"] for method in right)
    assert (api.head(path).status_code == 405) == ("GET" not in right)


@pytest.mark.parametrize("path", PATHS)
def test_answer_in_another_format(api, path):
    error = refused(api.get(path, headers={"Accept": "text/html"}), 406, "not_acceptable")
    assert JSON in error["message"]


@pytest.mark.parametrize(("path", "accepted"), POSTS)
@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "", "nonsense"])
def test_body_of_another_type_names_the_right_one(api, path, accepted, media_type):
    error = refused(api.post(path, b"x", media_type), 415, "unsupported_media_type")
    assert accepted in error["message"]


@pytest.mark.parametrize("path", ["/api/emails", "/api/emails/cancel"])
def test_form_as_curl_sends_it_by_default(api, path):
    answer = api.post(path, "to_email=ann@example.org", "application/x-www-form-urlencoded")
    refused(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("path", ["/api/emails", "/api/emails/cancel"])
@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'"x"',
        b"null",
        b"1",
        b"true",
        b"0.5",
        b'[{"to_email": "ann@example.org"}]',
        b"{}",
        b"",
    ],
)
def test_body_that_is_no_object(api, path, body):
    error = refused(api.post(path, body, JSON), 400, "invalid_request")
    assert error["fields"]


@pytest.mark.parametrize("path", ["/api/emails", "/api/emails/cancel"])
@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"a": NaN}', b"[" * 100_000, b" "])
def test_body_that_is_no_json(api, path, body):
    for media_type in (JSON, f"{JSON}; charset=latin-1"):
        answer = api.generic("POST", path, body, content_type=media_type)
        refused(answer, 400, "malformed_request")


def test_unknown_charset_changes_nothing(api):
    body = '{"email_id": "é"}'.encode()
    media_type = f"{JSON}; charset=klingon"
    answer = api.generic("POST", "/api/emails/cancel", body, content_type=media_type)
    refused(answer, 404, "not_found")


@pytest.mark.parametrize("name", ["\ud800", "\0", "a.b", "", "non_field_errors", "k" * 100_000])
def test_name_of_any_kind_is_answered_in_the_shape(api, name):
    error = refused(api.post("/api/emails", json.dumps({name: "\0"}), JSON), 400, "invalid_request")
    assert len(json.dumps(error)) < 2000


def test_many_unknown_fields_are_answered_briefly(api):
    body = {f"field_{number}": 0 for number in range(50_000)}
    error = refused(api.post("/api/emails", body, JSON), 400, "invalid_request")
    assert len(error["fields"]) < 40


def test_misspelt_field_is_named_with_the_right_one(api):
    body = {"email_id": "msg_1", "shceduled_at": "2030-01-01T00:00:00Z"}
    error = refused(api.post("/api/emails/cancel", body, JSON), 400, "invalid_request")
    assert "shceduled_at" in error["message"]


@pytest.mark.parametrize("path", ["/api/emails", "/api/emails/cancel"])
def test_too_large_a_body(api, settings, path):
    settings.MAX_REQUEST_BYTES = 100
    error = refused(api.post(path, b"x" * 101, JSON), 413, "too_large")
    assert "MAX_MESSAGE_BYTES" in error["message"]


@pytest.mark.parametrize("path", [path for path, _ in POSTS])
def test_body_of_unknown_length(api, path):
    answer = api.generic(
        "POST", path, b"", content_type=JSON, HTTP_TRANSFER_ENCODING="chunked", CONTENT_LENGTH=""
    )
    refused(answer, 411, "length_required")


class BrokenBody(io.RawIOBase):
    """A body whose sender goes away."""

    def read(self, size=-1):
        raise ConnectionResetError


@pytest.mark.parametrize(("path", "accepted"), POSTS)
def test_sender_who_goes_away_is_no_failure_of_ours(api, caplog, path, accepted):
    media_type = f"{accepted}; boundary=x"
    broken = {"wsgi.input": BrokenBody(), "CONTENT_LENGTH": "100"}
    answer = api.generic("POST", path, b"x", content_type=media_type, **broken)
    refused(answer, 400, "malformed_request")
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("path", PATHS)
def test_database_out_of_reach(api, path):
    def away(*args):
        raise OperationalError("connection refused")

    with connection.execute_wrapper(away):
        answer = api.generic("POST", path, b"{}", content_type=JSON)
    refused(answer, 503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("path", PATHS)
def test_failure_of_ours_tells_nothing_and_is_logged(settings, caplog, path, debug):
    settings.DEBUG = debug
    key = make_key()

    def broken(*args):
        raise RuntimeError("internal-detail")

    with connection.execute_wrapper(broken):
        answer = strict_client(key).generic("POST", path, b"{}", content_type=JSON)
    refused(answer, 500, "server_error")
    assert b"internal-detail" not in answer.content
    assert "internal-detail" in caplog.text
    assert key not in caplog.text


def test_request_that_django_itself_refuses(api):
    answer = api.get("/api/emails/msg_x", headers={"Host": "elsewhere.example"})
    refused(answer, 400, "bad_request")


def test_length_alone_is_refused_before_the_body_is_sent(live_server):
    head = (
        "POST /api/emails HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {make_key()}",
        "Content-Type: application/json",
        "Content-Length: 99999999999",
    )
    with socket.create_connection((live_server.thread.host, live_server.thread.port)) as peer:
        peer.sendall("\r\n".join([*head, "", ""]).encode())
        assert b" 413 " in peer.makefile("rb").readline()
