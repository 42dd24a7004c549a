"""Whoever is answered in front of Django is answered as Django would."""

import io
import json
from ipaddress import ip_network

import pytest
from django.core.handlers.wsgi import WSGIHandler

from accounts.tests.factories import make_key
from emails.models import EmailEvent
from emails.tests.factories import make_recipient
from mailer.front_door import ApiHandler, front_door
from tracking.marking import keyring
from uploads.tests.conftest import use
from uploads.tests.factories import PNG, form, part

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


JSON = "application/json"
UNREADABLE = [  # parameters by which a header of mail could be cut and encoded (RFC 2231)
    "; charset*=foo''x",  # an encoding that nobody knows
    "; a*9=b; a*=c",  # a first piece without a number
    "; a*9; a*",
    "; charset*=utf-8''%00",
    "; a*=idna''%E9",
    "; a*=undefined''x",
    "; boundary*=utf-7''%2B2AA-",  # half of a surrogate pair
]


def refused(path, method, **values):
    """Return status and code of an answer that has to be in the API's error shape."""
    status, headers, body = asked(
        front_door(WSGIHandler(), ApiHandler()), request(path, method, **values)
    )
    assert headers["Content-Type"] == JSON
    return int(status[:3]), json.loads(body)["error"]["code"]


@pytest.mark.parametrize("parameters", UNREADABLE)
def test_content_type_that_nobody_can_read_is_unsupported(parameters):
    key = {"HTTP_AUTHORIZATION": f"Bearer {make_key()}"}
    for path, kind in (("/api/emails", JSON), ("/api/upload", "multipart/form-data; boundary=x")):
        said = {"CONTENT_TYPE": kind + parameters, "CONTENT_LENGTH": "2"}
        said["wsgi.input"] = io.BytesIO(b"{}")
        assert refused(path, "POST", **said) == (401, "not_authenticated")
        assert refused(path, "POST", **said | key) == (415, "unsupported_media_type")


@pytest.mark.parametrize("parameters", UNREADABLE)
def test_pages_open_whatever_the_content_type_says(parameters):
    said = {"CONTENT_TYPE": JSON + parameters}
    for path in ("/admin/login/", "/healthz"):
        assert_usual(path, **said)


@pytest.mark.parametrize(
    "accepted",
    [
        *(JSON + parameters for parameters in UNREADABLE),
        f"{JSON}, text/html{UNREADABLE[0]}",
        '*/*; x="; a*9=b; a*=c"',  # what DRF writes into the answer's type and reads again
        "*/*; x*=utf-8''%3B%20a*9%3Db%3B%20a*%3Dc",
    ],
)
def test_accept_that_nobody_can_read_is_passed_over(accepted):
    said = {"HTTP_ACCEPT": accepted, "HTTP_AUTHORIZATION": f"Bearer {make_key()}"}
    assert refused("/api/emails/msg_x", "GET", **said) == (404, "not_found")
    assert_usual("/api/domains", **said)


@pytest.mark.parametrize("accepted", ["text/*", "text/html;q=0.9, image/*;q=0.8"])
def test_accept_that_can_be_read_counts(accepted):
    said = {"HTTP_ACCEPT": accepted, "HTTP_AUTHORIZATION": f"Bearer {make_key()}"}
    assert refused("/api/domains", "GET", **said) == (406, "not_acceptable")


@pytest.mark.parametrize("charset", ["hex", "undefined", "idna", "punycode", '"rot13"', "klingon"])
@pytest.mark.parametrize("kind", [JSON, "multipart/form-data; boundary=x"])
def test_query_is_utf_8_whatever_charset_the_body_is_said_to_have(kind, charset):
    said = {"CONTENT_TYPE": f"{kind} ; Charset = {charset}", "QUERY_STRING": "x=%E9&y=\xe9"}
    key = {"HTTP_AUTHORIZATION": f"Bearer {make_key()}"}
    assert refused("/api/emails/msg_x", "GET", **said | key) == (404, "not_found")
    for path in ("/admin/login/", "/healthz"):
        assert_usual(path, **said)


@pytest.mark.parametrize("charset", ["; charset=UTF-8", "; charset=hex", ""])
def test_boundary_of_a_form_counts_beside_any_charset(settings, tmp_path, charset):
    use(settings, "uploads.local.LocalStorage", location=tmp_path)
    body, said = form(part("file", PNG, b"image.png"))
    kind, boundary = said.split("; ")
    environ = request(
        "/api/upload",
        "POST",
        HTTP_AUTHORIZATION=f"Bearer {make_key()}",
        CONTENT_TYPE=f"{kind}{charset}; {boundary}{charset}",
        CONTENT_LENGTH=str(len(body)),
    )
    environ["wsgi.input"] = io.BytesIO(body)
    assert asked(front_door(WSGIHandler(), ApiHandler()), environ)[0] == "201 Created"


def assert_usual(path, **values):
    application = front_door(WSGIHandler(), ApiHandler())
    assert asked(application, request(path, **values))[0] == "200 OK"
