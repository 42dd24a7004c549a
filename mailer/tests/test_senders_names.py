"""What is served under names of senders' own: signed links, the MTA-STS policy, nothing else."""

import io
from urllib.parse import urlsplit

import pytest
from django.core.handlers.wsgi import WSGIHandler

from delivery.domains.policy import PATH, policy_of
from mailer.front_door import front_door
from tracking.marking import keyring
from uploads.tests.conftest import use
from uploads.tests.factories import make_upload

DOMAIN = "shop.example"
LINKS = f"track.{DOMAIN}"
POLICY = f"mta-sts.bounces.{DOMAIN}"
MAIL_HOST = "mail.example.net"


def asked(path, name, method="GET"):
    """Return the status and headers that the front door answers."""
    said = {}
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "HTTP_HOST": name,
        "SERVER_NAME": "x",
        "SERVER_PORT": "443",
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(),
        "REMOTE_ADDR": "192.0.2.9",
    }

    def start(status, headers, *_):
        said.update(status=int(status[:3]), headers=dict(headers))

    b"".join(front_door(WSGIHandler(), WSGIHandler())(environ, start))
    return said["status"], said["headers"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("allowed", [["mail.example.test", "localhost"], ["web", "localhost"]])
@pytest.mark.parametrize(
    "name", [LINKS, LINKS.upper(), "mail.example.test", "old.example.test", ""]
)
def test_link_is_answered_under_any_name(name, method, allowed, settings):
    settings.ALLOWED_HOSTS = allowed
    path = f"/t/c/{keyring().click_token(1, 2, 'https://x.example/a?b=1')}"
    status, headers = asked(path, name, method)
    assert (status, headers["Location"]) == (302, "https://x.example/a?b=1")


@pytest.mark.django_db
@pytest.mark.parametrize("name", [LINKS, POLICY])
@pytest.mark.parametrize("path", ["/admin/", "/healthz", "/api/emails", "/uploads/x.png"])
def test_nothing_else_is_served_under_it(path, name):
    assert asked(path, name)[0] == 400


@pytest.mark.django_db(transaction=True)
def test_picture_in_old_mail_is_shown_under_the_name_that_we_had(settings, tmp_path):
    use(settings, "uploads.local.LocalStorage", location=tmp_path)
    path = urlsplit(make_upload().url).path
    assert asked(path, "old.example.test")[0] == 200
    assert asked(path, "old.example.test", "POST")[0] == 400


@pytest.fixture
def takes_tls(settings):
    settings.HELO_NAME = MAIL_HOST
    settings.INBOUND_LISTEN, settings.TLS_CERT_FILE = [("127.0.0.1", 25)], "/x.pem"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_policy_is_served_under_every_return_path(takes_tls, method):
    status, headers = asked(PATH, POLICY, method)
    assert (status, headers["Content-Type"]) == (200, "text/plain")
    assert int(headers["Content-Length"]) == len(policy_of(MAIL_HOST))


def test_policy_is_not_served_without_tls_nor_to_a_post(takes_tls, settings):
    assert asked(PATH, POLICY, "POST")[0] == 404
    settings.TLS_CERT_FILE = ""
    assert asked(PATH, POLICY)[0] == 404


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "name"),
    [("/admin/", POLICY), (PATH, f"mta-sts.{DOMAIN}"), (PATH, "mail.example.test")],
)
def test_no_policy_is_served_elsewhere(takes_tls, path, name):
    assert asked(path, name)[0] in (400, 404)
