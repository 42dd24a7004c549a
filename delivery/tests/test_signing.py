"""Assembled and delivered mail, with dkimpy as its receiver, and what stops a start."""

import email

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

from delivery.mime import Part, assemble
from delivery.smtp.tests.dkim_verifier import DOMAIN, NOW, RSA, SELECTOR, SIGNERS, pem, verifies
from delivery.smtp.tests.scripted import ScriptedServer
from delivery.tests.conftest import running
from delivery.tests.messages import ANN, FILE, LOGO, draft
from delivery.tests.waiting import everything_is_final, wait_until
from delivery.transports.relay import RelayTransport
from delivery.transports.url import endpoint_of
from emails.addresses import Address
from emails.tests.factories import make_email

LONG_URL = "https://example.com/" + "unsubscribe/" * 60
DRAFTS = {
    "text": {},
    "html": {"html": "<p>Hello</p>\n", "text": None},
    "both": {"html": "<p>Hello</p>\n"},
    "nothing": {"text": None},
    "empty": {"text": ""},
    "only empty lines": {"text": "\n\n\n"},
    "only white space": {"text": " \n\t\n  "},
    "empty lines at the end": {"text": "Hi\n\n\n\n"},
    "white space everywhere": {"text": " \t Hi \t you\t\n \t\n  and   you \n \n"},
    "dots": {"text": ".\n..\n.Hi\n"},
    "long lines": {"text": "Hi " * 1_000 + "\n" + "x" * 3_000},
    "not ASCII": {
        "subject": "Grüße, 日本 " * 9,
        "text": "Grüße\n",
        "to": (Address(ANN.email, "Ö"),),
    },
    "SMTPUTF8": {"from_": Address("jörg@example.org", "Jörg")},
    "many addresses": {
        "to": tuple(Address(f"p{n}@example.org", f"Person {n}") for n in range(40)),
        "cc": (ANN,),
        "reply_to": (Address("help@example.com"),),
    },
    "headers": {
        "headers": (
            ("List-Unsubscribe", f"<{LONG_URL}>"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            ("References", " ".join(f"<{n}@example.org>" for n in range(60))),
            ("X-Long", "words and  more words " * 40 + "end"),
            ("X-Entity", "Grüße"),
        )
    },
    "files": {"html": '<img src="cid:logo">', "attachments": (LOGO, FILE)},
    "large file": {"attachments": (Part("a.bin", "application/octet-stream", bytes(300_000)),)},
}


@pytest.mark.parametrize("kind", SIGNERS)
@pytest.mark.parametrize("fields", DRAFTS.values(), ids=DRAFTS.keys())
def test_assembled_message_verifies(fields, kind):
    assert verifies(SIGNERS[kind].sign(assemble(draft(**fields)), NOW), kind)


@pytest.fixture
def key_file(tmp_path):
    file = tmp_path / "dkim.pem"
    file.write_bytes(pem(RSA))
    return file


@pytest.fixture
def configured(settings, key_file):
    settings.DKIM_DOMAIN, settings.DKIM_SELECTOR = DOMAIN, SELECTOR
    settings.DKIM_PRIVATE_KEY_FILE = str(key_file)
    return settings


@pytest.mark.django_db(transaction=True)
def test_captured_mail_is_signed(configured, capture, outbox):
    make_email(
        html_body='<a href="https://example.net/?a=1&amp;b=2">Grüße</a>', text_body=" a  b\n"
    )
    with running(capture):
        wait_until(everything_is_final)
    [message] = [file.read_bytes() for file in outbox.glob("*.eml")]
    assert verifies(message)
    assert not verifies(message.replace(b"Your order", b"My order"))


@pytest.mark.django_db(transaction=True)
def test_relayed_mail_is_signed_once_for_each_recipient(configured):
    make_email(cc=(Address("bob@example.org"),), text_body=".\n\n. a\n\n")
    with ScriptedServer() as server:
        transport = RelayTransport(
            endpoint_of(f"smtp://127.0.0.1:{server.port}?tls=none", "me.example")
        )
        with running(transport):
            wait_until(everything_is_final)
    assert len(server.messages) == 2
    for message in server.messages:
        assert message.data.count(b"DKIM-Signature: ") == 1
        assert verifies(message.data)


@pytest.mark.django_db(transaction=True)
def test_mail_is_not_signed_where_no_key_is_configured(capture, outbox):
    make_email()
    with running(capture):
        wait_until(everything_is_final)
    [file] = outbox.glob("*.eml")
    assert "DKIM-Signature" not in email.message_from_bytes(file.read_bytes())


@pytest.mark.django_db(transaction=True)
def test_key_is_read_once(configured, key_file, capture, outbox):
    make_email()
    with running(capture):
        wait_until(everything_is_final)
        key_file.unlink()
        make_email()
        wait_until(everything_is_final)
    messages = [file.read_bytes() for file in outbox.glob("*.eml")]
    assert len(messages) == 2
    assert all(map(verifies, messages))


def start():
    apps.get_app_config("delivery").ready()


def test_process_starts_with_what_can_sign(configured):
    start()


def test_process_does_not_start_without_its_key(configured, key_file):
    key_file.unlink()
    with pytest.raises(
        ImproperlyConfigured, match=r"^DKIM_PRIVATE_KEY_FILE can't be read \(No such file"
    ):
        start()


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("DKIM_DOMAIN", "a b", "^DKIM_DOMAIN=a b.*is no domain"),
        ("DKIM_SELECTOR", "a b", "DKIM_SELECTOR=a b.*The selector"),
        ("DKIM_PRIVATE_KEY_FILE", __file__, "DKIM_PRIVATE_KEY_FILE=.*Make one by `openssl"),
    ],
)
def test_process_does_not_start_with_what_can_not_sign(configured, setting, value, sentence):
    setattr(configured, setting, value)
    with pytest.raises(ImproperlyConfigured, match=sentence):
        start()
