"""Whoever is answered in front of Django is answered as Django would."""

import io
from ipaddress import ip_network

import pytest
from django.core.handlers.wsgi import WSGIHandler

from accounts.tests.factories import make_key
from emails.models import EmailEvent
from emails.tests.factories import make_recipient
from mailer.front_door import ApiHandler, front_door
from tracking.marking import keyring

pytestmark = pytest.mark.django_db(transaction=True)

OF_COOKIES = ("Vary", "Set-Cookie")  # of a session that is read: the API reads none
SECURE = {"wsgi.url_scheme": "https"}
FORWARDED = {"HTTP_X_FORWARDED_FOR": "198.51.100.7, 203.0.113.9", "HTTP_X_FORWARDED_PROTO": "https"}


def request(path, method="GET", **values):
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.7",
        "HTTP_HOST": "mail.example.test",
        "HTTP_USER_AGENT": "Reader/1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
    } | values


def asked(application, environ):
    said = []
    answer = application(dict(environ), lambda *start: said.append(start))
    body = b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    [(status, headers, *_)] = said
    return (
        status,
        {name: value for name, value in headers if name not in OF_COOKIES},
        b"" if environ["REQUEST_METHOD"] == "HEAD" else body,
    )


def stored():
    """Return the hits, and forget them."""
    hits = EmailEvent.objects.filter(type__in=["open", "click"])
    found = list(hits.values_list("type", "data"))
    hits.delete()
    return found


@pytest.fixture
def row():
    return make_recipient()


@pytest.fixture
def paths(row):
    click = keyring().click_token(row.email_id, row.pk, "https://example.net/é a?b=1&c=%C3%A9#top")
    pixel = keyring().open_token(row.email_id, row.pk)
    return {"click": f"/t/c/{click}", "pixel": f"/t/o/{pixel}.gif"}


@pytest.mark.parametrize("which", ["click", "pixel"])
def test_reader_is_answered_as_by_django(paths, which):
    for suffix in ("", "A", "/", ".gif", "\n", "%00", "?x"):
        for method in ("GET", "HEAD", "POST", "OPTIONS"):
            assert_alike(request(paths[which] + suffix, method))


KINDS = [
    {"HTTP_HOST": "localhost:8000"},
    {"HTTP_HOST": "MAIL.example.test."},
    {"QUERY_STRING": "utm_source=x"},
    {"HTTP_USER_AGENT": "R" * 600 + "\x00"},
    {"SCRIPT_NAME": "/below"},
    SECURE,
    FORWARDED,
    SECURE | FORWARDED | {"HTTP_X_FORWARDED_PROTO": "http"},
    FORWARDED | {"REMOTE_ADDR": "10.1.2.3"},
    FORWARDED | {"REMOTE_ADDR": "::ffff:10.1.2.3", "HTTP_X_FORWARDED_PROTO": "https, http"},
]


@pytest.mark.parametrize("which", ["click", "pixel"])
def test_reader_of_any_kind_is_answered_as_by_django(paths, which, settings):
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]
    settings.SECURE_HSTS_SECONDS = 3600
    for values in KINDS:
        assert_alike(request(paths[which], **values))


def assert_alike(environ):
    """Compare answer and hit, of Django alone and of the front door."""
    by_django = asked(WSGIHandler(), environ), stored()
    assert (asked(front_door(WSGIHandler(), ApiHandler()), environ), stored()) == by_django


def test_usual_reader_does_not_come_to_django(paths, row):
    def django(*arguments):
        raise AssertionError("Django was asked")

    for path in paths.values():
        asked(front_door(django, django), request(path))
    assert sorted(kind for kind, _ in stored()) == ["click", "open"]


def test_other_paths_are_answered_as_by_django():
    for path in ("/t/c/x", "/t/o/x.gif", "/t/", "/t/x", "/healthz", "/admin/", "/api"):
        assert_alike(request(path))


@pytest.mark.parametrize("secure", [{}, SECURE])
def test_caller_is_answered_as_by_all_of_django(settings, secure):
    settings.SECURE_HSTS_SECONDS = 3600
    key = {
        "HTTP_AUTHORIZATION": f"Bearer {make_key()}",
        "CONTENT_TYPE": "application/json",
    } | secure
    cookie = {"HTTP_COOKIE": "sessionid=x; csrftoken=y", "HTTP_ORIGIN": "https://elsewhere.example"}
    for values in (key, secure, key | cookie, key | {"HTTP_HOST": "elsewhere.example"}):
        for path in ("/api/", "/api/emails", "/api/emails/cancel/", "/api/x", "/api/emails/msg_x"):
            for method in ("GET", "HEAD", "POST", "OPTIONS"):
                assert_alike(request(path, method, **values))
