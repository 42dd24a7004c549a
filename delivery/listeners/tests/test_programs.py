"""Programs that people send with: what each submits arrives whole, tracked and signed."""

from __future__ import annotations

import os
import re
import smtplib
import subprocess
import sys
from email import message_from_bytes
from email.message import EmailMessage
from email.mime.image import MIMEImage
from email.policy import default as READER
from pathlib import Path

import dkim
import pytest
from django.core import mail

from accounts.models import DkimKey
from accounts.tests.factories import make_domain, make_key, make_project, make_signing_key
from delivery.listeners.certificate import Certificate
from delivery.listeners.tests.clients import connected, listening
from delivery.listeners.tests.smarthost import SmartHostClient
from delivery.smtp.tests.certificates import make_certificate
from delivery.smtp.tests.scripted import ScriptedServer
from delivery.tests.conftest import running
from delivery.tests.relays import transport_to
from delivery.tests.submitting import text_of
from delivery.tests.waiting import everything_is_final, wait_until
from emails.models import Email, Recipient

pytestmark = pytest.mark.django_db(transaction=True)

# Only root can start Postfix: for others this is a program that they do not have.
POSTFIX = "postfix" if os.geteuid() == 0 else "postfix, started by root"
NODE_MODULES = Path(sys.prefix) / "node" / "node_modules"  # `make test` installs it there
HERE = Path(__file__).parent

SENDER = "Müller <shop@example.com>"
NAMED = ["Ann <ann@example.org>", "Bøb <bob@example.net>"]
HIDDEN = "hidden@example.org"
EVERYBODY = {"ann@example.org", "bob@example.net", HIDDEN}
SUBJECT = "Größe 10 €"
TEXT = "Grüße"
HTML = '<p>Grüße <a href="https://example.com/?a=1&amp;b=2">Link</a><img src="cid:logo"></p>'
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 50
PDF = b"%PDF-1.4\n" + bytes(range(256)) * 50
FILE_NAME = "Rechnung ä.pdf"


@pytest.fixture
def relay():
    with ScriptedServer() as scripted:
        yield scripted


@pytest.fixture
def server(settings):
    settings.SUBMISSION_AUTH_IN_CLEAR = True
    with listening() as listener:
        yield listener


@pytest.fixture
def files(tmp_path):
    """The image and the file, in a folder."""
    image, file = tmp_path / "logo.png", tmp_path / FILE_NAME
    image.write_bytes(PNG)
    file.write_bytes(PDF)
    return image, file


@pytest.fixture
def key():
    """A key of a project that holds example.com, and signs for it."""
    project = make_project()
    domain = make_domain(project, "example.com")
    for algorithm in DkimKey.Algorithm:
        make_signing_key(domain, algorithm)
    return make_key(project)


def in_dns(name, timeout=0):
    """What DNS shows of the keys that sign."""
    for signing in DkimKey.objects.select_related("domain"):
        if name == f"{signing.record.name}.".encode():
            return signing.record.value.encode()
    return None


def assert_signed(content):
    """By dkimpy: every signature is one of the sender's domain."""
    assert len(message_from_bytes(content).get_all("DKIM-Signature")) == 2
    for number in range(2):
        assert dkim.DKIM(content).verify(number, dnsfunc=in_dns)


def assert_all_arrive_whole(relay):
    """Deliver, and look at each copy with the standard library's parser."""
    with running(transport_to(relay)):
        wait_until(lambda: Recipient.objects.count() == 3)
        wait_until(everything_is_final)
    assert {message.recipients[0] for message in relay.messages} == EVERYBODY
    tracked = {
        assert_whole(message_from_bytes(copy.data, policy=READER)) for copy in relay.messages
    }
    assert len(tracked) == 3  # each has links of its own
    for message in relay.messages:
        assert_signed(message.data)


def assert_whole(message):
    """Return the tracked link."""
    assert isinstance(message, EmailMessage)
    assert not [part.defects for part in message.walk() if part.defects]
    assert message["Subject"] == SUBJECT
    assert [box.addr_spec for box in message["To"].addresses] == [
        "ann@example.org",
        "bob@example.net",
    ]
    assert [box.display_name for box in message["To"].addresses] == ["Ann", "Bøb"]
    assert message["From"].addresses[0].display_name == "Müller"
    assert HIDDEN not in message.as_string()
    assert text_of(message).strip() == TEXT
    [image] = [part for part in message.walk() if part.get_content_type() == "image/png"]
    assert (image["Content-ID"], image.get_content()) == ("<logo>", PNG)
    [file] = message.iter_attachments()
    assert (file.get_filename(), file.get_content()) == (FILE_NAME, PDF)
    return assert_tracked(text_of(message, "html"))


def assert_tracked(html):
    link = re.search(r'href="(https://mail\.example\.test/t/c/[^"]+)"', html)
    assert link
    assert "https://mail.example.test/t/o/" in html
    assert 'src="cid:logo"' in html
    assert html.startswith("<p>Grüße <a href=")
    return link[1]


def test_django(server, relay, key):
    backend = {"host": server.address[0], "port": server.address[1]}
    connection = mail.get_connection(
        "django.core.mail.backends.smtp.EmailBackend",
        username="any",
        password=key,
        **backend,
    )
    message = mail.EmailMultiAlternatives(
        SUBJECT, TEXT, SENDER, NAMED, bcc=[HIDDEN], connection=connection
    )
    message.attach_alternative(HTML, "text/html")
    image = MIMEImage(PNG, "png")
    image.add_header("Content-ID", "<logo>")
    image.add_header("Content-Disposition", "inline", filename="logo.png")
    message.attach(image)
    message.attach(FILE_NAME, PDF, "application/pdf")
    assert message.send() == 1
    assert_all_arrive_whole(relay)


def message_of_python():
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, ", ".join(NAMED), SUBJECT
    message["Bcc"] = HIDDEN
    message["Message-ID"] = "<python-1@shop.example.com>"
    message.set_content(TEXT)
    message.add_alternative(HTML, subtype="html")
    message.get_payload()[1].add_related(PNG, "image", "png", cid="<logo>")
    message.add_attachment(PDF, "application", "pdf", filename=FILE_NAME)
    return message


def test_smtplib(server, relay, key):
    assert connected(server, key).send_message(message_of_python()) == {}
    assert_all_arrive_whole(relay)
    assert Email.objects.get().rfc_message_id == "<python-1@shop.example.com>"


@pytest.mark.program("swaks")
def test_swaks(server, relay, key, tmp_path):
    (tmp_path / "message").write_bytes(message_of_python().as_bytes())
    done = subprocess.run(
        [
            *("swaks", "--server", f"127.0.0.1:{server.address[1]}"),
            *("--auth", "LOGIN", "--auth-user", "any", "--auth-password", key),
            *("--from", "shop@example.com", "--to", ",".join(EVERYBODY)),
            *("--data", f"@{tmp_path}/message"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert f"250 2.0.0 Accepted as {Email.objects.get().public_id}" in done.stdout
    assert_all_arrive_whole(relay)


@pytest.mark.program("node")
@pytest.mark.program("npm")
def test_nodemailer(server, relay, key, files):
    done = subprocess.run(
        ["node", HERE / "node" / "send.js", str(server.address[1]), key, *files],
        env=os.environ | {"NODE_PATH": str(NODE_MODULES)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert Email.objects.get().public_id in done.stdout
    assert_all_arrive_whole(relay)


@pytest.mark.program(POSTFIX)
def test_postfix_as_the_client_of_a_smarthost(relay, key, tmp_path):
    certificate = make_certificate(tmp_path, "127.0.0.1")
    trusted = Certificate(Path(certificate.chain), Path(certificate.key))
    tmp_path.chmod(0o755)
    with (
        listening(trusted) as server,
        SmartHostClient(server.address[1], key, certificate.chain) as postfix,
        smtplib.SMTP("127.0.0.1", postfix.port) as client,
    ):
        client.send_message(message_of_python())
        assert_all_arrive_whole(relay)
    received = message_from_bytes(relay.messages[0].data).get_all("Received")
    assert len([field for field in received if "by postfix.example" in field]) == 1
