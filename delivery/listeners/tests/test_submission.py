"""Submission by SMTP: what is answered, and what of it is in the database by then."""

from __future__ import annotations

import smtplib
import socket
from base64 import b64encode
from pathlib import Path

import pytest

from accounts.models import ApiKey
from accounts.tests.factories import make_domain, make_key, make_project
from delivery.listeners import logins, submission
from delivery.listeners.certificate import Certificate
from delivery.listeners.logins import Failures
from delivery.listeners.tests.clients import connected, listening, reply_of, trusting
from delivery.smtp.tests.certificates import make_certificate
from delivery.tests.submitting import BASE, whole
from emails.models import Email, Recipient

pytestmark = pytest.mark.django_db(transaction=True)

SENDER, ANN = "shop@example.com", "ann@example.org"
MESSAGE = BASE + b"\r\nHi\r\n"


@pytest.fixture
def in_clear(settings):
    settings.SUBMISSION_AUTH_IN_CLEAR = True


@pytest.fixture
def server(in_clear):
    with listening() as listener:
        yield listener


@pytest.fixture(autouse=True)
def without_delay(monkeypatch):
    monkeypatch.setattr(logins, "SLOWEST", 0.0)


def dialogue(server, *lines: bytes) -> list[bytes]:
    """Say lines one after the other; return the last line of each answer."""
    said = []
    with socket.create_connection(server.address, timeout=30) as client, client.makefile("rb") as r:
        for line in (b"", *lines):
            client.sendall(line and line + b"\r\n")
            said.append(last_line(r))
    return said[1:]


def last_line(answers) -> bytes:
    """The last line of an answer, b"" where the conversation has ended."""
    try:
        while (line := answers.readline())[3:4] == b"-":
            pass
    except ConnectionResetError:
        return b""
    return line.strip()


def test_mail_is_committed_when_it_is_answered_with_its_id(server):
    project = make_project()
    client = connected(server, make_key(project))
    client.mail(SENDER)
    client.rcpt(ANN)
    code, text = client.data(MESSAGE)
    email = Email.objects.get()
    assert (code, text.decode()) == (250, f"2.0.0 Accepted as {email.public_id}")
    assert (email.project, email.subject, email.text_body) == (project, "Hello", "Hi\r\n")


def test_several_mails_go_over_one_connection(server):
    client = connected(server, make_key())
    for number in range(3):
        client.sendmail(SENDER, [ANN], BASE + b"X-N: %d\r\n\r\nHi\r\n" % number)
    assert Email.objects.count() == 3


def test_commands_may_come_in_one_packet(server):
    """RFC 2920."""
    login = b"AUTH PLAIN " + b64encode(f"\0me\0{make_key()}".encode()) + b"\r\n"
    group = b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\nRCPT TO:<bad>\r\nDATA\r\n"
    with socket.create_connection(server.address, timeout=30) as client, client.makefile("rb") as r:
        assert last_line(r).startswith(b"220 ")
        client.sendall(b"EHLO me\r\n" + login)
        assert [last_line(r)[:3] for _ in range(2)] == [b"250", b"235"]
        client.sendall(group)
        assert [last_line(r)[:3] for _ in range(4)] == [b"250", b"250", b"501", b"354"]
        client.sendall(MESSAGE + b".\r\nQUIT\r\n")
        assert [last_line(r)[:3] for _ in range(2)] == [b"250", b"221"]
    assert [row.address for row in Recipient.objects.all()] == ["b@example.org"]


def test_stranger_who_says_nothing_is_not_waited_for_long(in_clear, monkeypatch):
    monkeypatch.setattr(submission, "LOGIN_SECONDS", 0.2)
    with listening() as server:
        assert dialogue(server, b"EHLO me", b"AUTH LOGIN", b"")[-1].startswith(b"421 4.4.2 ")
        known = connected(server, make_key())
        known.sock.settimeout(0.5)
        with pytest.raises(TimeoutError):
            known.sock.recv(1)


def test_announced_extensions(server):
    client = connected(server)
    assert client.esmtp_features == {
        "size": str(server.limits.message_bytes),
        "8bitmime": "",
        "smtputf8": "",
        "pipelining": "",
        "enhancedstatuscodes": "",
        "auth": " PLAIN LOGIN",
    }


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("at_once", [True, False])
def test_every_way_to_log_in(server, mechanism, at_once):
    client = smtplib.SMTP(*server.address, timeout=30)
    client.ehlo()
    client.user, client.password = "any name at all", make_key()
    auth = client.auth_plain if mechanism == "PLAIN" else client.auth_login
    assert client.auth(mechanism, auth, initial_response_ok=at_once)[0] == 235
    client.sendmail(SENDER, [ANN], MESSAGE)


@pytest.mark.parametrize(
    "command", [b"MAIL FROM:<a@example.org>", b"RCPT TO:<a@b.example>", b"DATA"]
)
def test_nothing_without_login(server, command):
    assert dialogue(server, b"EHLO me", command)[-1].startswith(b"530 5.7.0 ")


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([b"AUTH"], b"504 5.5.4 "),
        ([b"AUTH CRAM-MD5"], b"504 5.5.4 "),
        ([b"AUTH PLAIN !!!"], b"501 5.5.2 "),
        ([b"AUTH PLAIN " + b64encode(b"no parts")], b"501 5.5.2 "),
        ([b"AUTH PLAIN ="], b"501 5.5.2 "),
        ([b"AUTH PLAIN", b"*"], b"501 5.7.0 "),
        ([b"AUTH LOGIN", b"*"], b"501 5.7.0 "),
        ([b"AUTH LOGIN", b"!!!"], b"501 5.5.2 "),
        ([b"AUTH PLAIN " + b64encode(b"\0me\0mk_wrong")], b"535 5.7.8 "),
        ([b"AUTH PLAIN " + b64encode(b"\0me\0\xff\xfe")], b"535 5.7.8 "),
        ([b"auth login", b64encode(b"me"), b"="], b"535 5.7.8 "),
    ],
)
def test_login_that_is_refused(server, lines, code):
    assert dialogue(server, b"EHLO me", *lines)[-1].startswith(code)


def test_revoked_key_opens_nothing_at_once(server):
    project = make_project()
    key = make_key(project)
    client = connected(server, key)
    ApiKey.objects.get().revoke()
    with pytest.raises(smtplib.SMTPDataError) as refused:
        client.sendmail(SENDER, [ANN], MESSAGE)
    assert reply_of(refused.value).startswith("535 5.7.8 ")
    with pytest.raises(smtplib.SMTPAuthenticationError):
        connected(server, key)
    assert not Email.objects.exists()


def test_third_wrong_key_ends_the_conversation(server):
    wrong = b"AUTH PLAIN " + b64encode(b"\0me\0wrong")
    assert dialogue(server, b"EHLO me", wrong, wrong, wrong, b"NOOP")[-1] == b""


def test_address_that_is_wrong_too_often_is_not_listened_to(in_clear):
    clock = [0.0]
    failures = Failures(clock=lambda: clock[0])
    for _ in range(logins.MOST_FAILURES):
        failures.count("127.0.0.1")
    with listening(failures=failures) as server:
        with pytest.raises(smtplib.SMTPException):
            connected(server, key := make_key())
        clock[0] = logins.WINDOW_SECONDS + 1
        connected(server, key)


def test_addresses_that_were_wrong_long_ago_are_forgotten(monkeypatch):
    monkeypatch.setattr(logins, "MOST_ADDRESSES", 3)
    clock = [0.0]
    failures = Failures(clock=lambda: clock[0])
    failures.count("old")
    clock[0] = logins.WINDOW_SECONDS + 1
    assert not failures.too_many("old")
    for number in range(5):
        failures.count(str(number))
    assert [*failures._failed] == ["0", "1", "2", "3", "4"]


def test_waiting_grows_with_failures(monkeypatch):
    monkeypatch.setattr(logins, "SLOWEST", 8.0)
    failures = Failures(clock=lambda: 0.0)
    assert [failures.count("a") for _ in range(6)] == [0.5, 1, 2, 4, 8, 8]
    assert failures.count("b") == 0.5


def test_key_is_in_no_log(server, caplog):
    caplog.set_level(0)
    caplog.set_level(0, "delivery")
    key = make_key()
    hidden = b64encode(key.encode()).decode()
    connected(server, key)
    dialogue(server, b"EHLO me", b"AUTH LOGIN", b64encode(b"me"), hidden.encode(), hidden.encode())
    dialogue(server, b"EHLO me", hidden.encode(), key.encode())
    for secret in (key, hidden, hidden.upper(), key.upper()):
        assert secret not in caplog.text


def test_key_is_not_taken_in_the_clear(settings):
    settings.SUBMISSION_AUTH_IN_CLEAR = False
    with listening() as server:
        said = dialogue(server, b"EHLO me", b"AUTH PLAIN " + b64encode(b"\0a\0b"), b"MAIL FROM:<>")
        assert [line[:9] for line in said[1:]] == [b"538 5.7.1", b"530 5.7.0"]
        assert "auth" not in connected(server).esmtp_features


def test_login_over_starttls(tmp_path, settings):
    settings.SUBMISSION_AUTH_IN_CLEAR = False
    files = make_certificate(tmp_path, "127.0.0.1")
    with listening(Certificate(Path(files.chain), Path(files.key))) as server:
        client = connected(server)
        assert "auth" not in client.esmtp_features
        client.starttls(context=trusting(files.chain))
        client.login("me", make_key())
        client.sendmail(SENDER, [ANN], MESSAGE)
    assert Email.objects.count() == 1


def test_login_over_tls_from_the_beginning(tmp_path, settings):
    settings.SUBMISSION_AUTH_IN_CLEAR = False
    files = make_certificate(tmp_path, "127.0.0.1")
    certificate = Certificate(Path(files.chain), Path(files.key))
    with listening(certificate, implicit_tls=True) as server:
        client = smtplib.SMTP_SSL(*server.address, context=trusting(files.chain), timeout=30)
        client.login("me", make_key())
        client.sendmail(SENDER, [ANN], MESSAGE)
    assert Email.objects.count() == 1


def test_who_does_not_begin_tls_is_sent_away_soon(tmp_path, monkeypatch):
    monkeypatch.setattr("delivery.listeners.guest.HANDSHAKE_SECONDS", 0.2)
    files = make_certificate(tmp_path, "127.0.0.1")
    certificate = Certificate(Path(files.chain), Path(files.key))
    with (
        listening(certificate, implicit_tls=True) as server,
        socket.create_connection(server.address, timeout=30) as silent,
    ):
        assert silent.recv(1) == b""


@pytest.mark.parametrize(
    ("recipient", "code"),
    [
        ("nobody", b"501 5.1.3 "),
        ("a@b@c.example", b"501 5.1.3 "),
        ("a@192.0.2.1", b"501 5.1.3 "),
        ("", b"501 5.1.3 "),
        ("@example.org", b"501 5.1.3 "),
        ("ann@example.org", b"250 2.1.5 "),
        ("ann@bücher.example", b"250 2.1.5 "),
        ("änn@example.org", b"250 2.1.5 "),
    ],
)
def test_recipient_is_judged_where_it_is_named(server, recipient, code):
    login = b"AUTH PLAIN " + b64encode(f"\0me\0{make_key()}".encode())
    mail = b"MAIL FROM:<shop@example.com> SMTPUTF8"
    said = dialogue(server, b"EHLO me", login, mail, f"RCPT TO:<{recipient}>".encode())
    assert said[-1].startswith(code)


def test_recipient_beyond_the_most_is_asked_to_come_again(server, settings):
    settings.MAX_RECIPIENTS = 2
    client = connected(server, make_key())
    client.mail(SENDER)
    named = ["a@example.org", "a@example.org", "b@example.org", "c@example.org"]
    codes = [client.rcpt(who) for who in named]
    assert [code for code, _ in codes] == [250, 250, 250, 452]
    assert codes[3][1].startswith(b"4.5.3 ")
    client.data(MESSAGE)
    assert Recipient.objects.count() == 2


@pytest.mark.parametrize(
    ("message", "code", "word"),
    [
        (b"Subject: x\r\n\r\nHi\r\n", "550 5.6.0 ", "From"),
        (BASE + b"X-Mailer-Schedule: soon\r\n\r\nHi\r\n", "550 5.6.0 ", "X-Mailer-Schedule"),
        (b"Received: x\r\n" * 51 + MESSAGE, "554 5.4.6 ", "circles"),
    ],
)
def test_message_that_is_refused_says_why(server, message, code, word):
    client = connected(server, make_key())
    with pytest.raises(smtplib.SMTPDataError) as refused:
        client.sendmail("", [ANN], message)
    assert reply_of(refused.value).startswith(code)
    assert word in reply_of(refused.value)
    client.sendmail(SENDER, [ANN], MESSAGE)  # the next is unharmed


def test_sender_of_a_domain_that_the_project_does_not_hold_is_refused(server, settings):
    settings.ALLOW_ANY_FROM = False
    project = make_project()
    client = connected(server, make_key(project))
    with pytest.raises(smtplib.SMTPDataError) as refused:
        client.sendmail("me@mine.example", [ANN], MESSAGE)
    assert reply_of(refused.value).startswith("550 5.7.1 ")
    assert "example.com" in reply_of(refused.value)
    make_domain(project, "example.com")
    client.sendmail("me@mine.example", [ANN], MESSAGE)


def test_message_over_the_limit_is_refused_with_the_limit(in_clear, settings):
    settings.MAX_MESSAGE_BYTES = 2000
    with listening() as server:
        client = connected(server, make_key())
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.sendmail(SENDER, [ANN], BASE + b"\r\n" + b"xxxxxxxx\r\n" * 300)
        assert reply_of(refused.value).startswith("552 5.3.4 ")


def test_message_that_grows_over_the_limit_is_refused_with_what_was_measured(in_clear, settings):
    settings.MAX_MESSAGE_BYTES = 2000
    html = (
        b"Content-Type: text/html\r\n\r\n"
        + b"<p>eight words that stand in the text too</p>\r\n" * 30
    )
    with listening() as server:
        client = connected(server, make_key())
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.sendmail(SENDER, [ANN], BASE + html)
        reply = reply_of(refused.value)
        assert reply.startswith("552 5.3.4 The message would have ")
        assert "more than the 2000 that MAX_MESSAGE_BYTES allows" in reply
        client.sendmail(SENDER, [ANN], MESSAGE)  # the next is unharmed


def test_announced_size_over_the_limit_is_refused_at_once(in_clear):
    with listening(message_bytes=2000) as server:
        client = connected(server, make_key())
        code, text = client.mail(SENDER, ["SIZE=2001"])
        assert (code, text[:6]) == (552, b"5.3.4 ")


def test_database_that_is_away_is_no_refusal(server, monkeypatch):
    from django.db import OperationalError

    from emails import accept

    def away(*_):
        raise OperationalError

    client = connected(server, make_key())
    monkeypatch.setattr(accept, "save", away)
    with pytest.raises(smtplib.SMTPDataError) as refused:
        client.sendmail(SENDER, [ANN], MESSAGE)
    assert reply_of(refused.value).startswith("451 4.3.0 ")


def test_parameter_auth_is_passed_over(server):
    """Postfix says it at each mail."""
    client = connected(server, make_key())
    assert client.mail(SENDER, ["SIZE=100", "AUTH=<>", "BODY=8BITMIME"])[0] == 250


IDENTIFIED = b"Message-ID: <1@shop.example.com>\r\n" + MESSAGE


def accepted(server, key, content, *recipients):
    client = connected(server, key)
    client.mail(SENDER)
    for recipient in recipients or (ANN,):
        client.rcpt(recipient)
    return client.data(content)[1].split()[-1].decode()


def test_message_that_is_sent_again_is_the_same_mail(server):
    key = make_key()
    first = accepted(server, key, IDENTIFIED)
    assert accepted(server, key, b"Received: by another way\r\n" + IDENTIFIED) == first
    assert Email.objects.count() == 1


@pytest.mark.parametrize(
    ("content", "recipients"),
    [
        (IDENTIFIED + b"and more\r\n", (ANN,)),
        (IDENTIFIED.replace(b"Subject: Hello", b"Subject: Hello again"), (ANN,)),
        (IDENTIFIED, ("bob@example.org",)),
        (IDENTIFIED, (ANN, "bob@example.org")),
    ],
)
def test_another_mail_under_the_same_message_id_is_not_swallowed(server, content, recipients):
    key = make_key()
    first = accepted(server, key, IDENTIFIED)
    assert accepted(server, key, content, *recipients) != first
    assert Email.objects.count() == 2


def test_message_without_an_id_is_another_mail_each_time(server):
    key = make_key()
    assert accepted(server, key, MESSAGE) != accepted(server, key, MESSAGE)


def test_same_message_of_another_project_is_another_mail(server):
    assert accepted(server, make_key(), IDENTIFIED) != accepted(server, make_key(), IDENTIFIED)


def test_message_of_a_client_that_hung_up_after_the_dot_is_accepted_once(server):
    key = make_key()
    client = connected(server, key)
    client.mail(SENDER)
    client.rcpt(ANN)
    client.docmd("DATA")
    client.sock.sendall(IDENTIFIED + b".\r\n")
    client.close()
    again = accepted(server, key, IDENTIFIED)
    assert Email.objects.get().public_id == again


def test_whole_message_is_kept(server):
    client = connected(server, make_key())
    client.send_message(whole(), SENDER, [ANN])
    assert [file.name for file in Email.objects.get().attachments.all()] == [
        "logo.png",
        "Rechnung Nr. 1 € ä.pdf",
    ]
