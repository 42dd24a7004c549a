"""Mail from outside, over real sockets: for whom it is taken, and what is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import SendingDomain
from accounts.tests.factories import make_project
from delivery.listeners.tests.dialogue import Client, deliver
from delivery.models import InboundMessage
from delivery.smtp.tests.returned import away, dsn
from delivery.tests.returns import DOMAIN, delivered, return_address, status_of
from emails.models import Status, Suppression

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def return_path_domain(settings):
    settings.RETURN_PATH_DOMAIN = DOMAIN


def test_what_a_person_answers_is_kept_for_staff(server) -> None:
    recipient = delivered()
    content = away(fields="", subject="=?utf-8?q?Gr=C3=BC=C3=9Fe?=")
    assert deliver(server, return_address(recipient), content, "ann@example.org").startswith(b"250")
    kept = InboundMessage.objects.get()
    assert (kept.mail_from, kept.subject, kept.peer) == ("ann@example.org", "Grüße", "127.0.0.1")
    assert kept.rcpt_to == return_address(recipient)
    assert bytes(kept.content) == content
    assert kept.reason == "no bounce or report is found in it"


@pytest.mark.parametrize("local_part", ["abuse", "postmaster", "POSTMASTER", "fbl"])
@pytest.mark.parametrize("domain", [DOMAIN, "mail.example.test", "Mail.Example.Test"])
def test_mail_to_roles_is_kept(server, local_part, domain) -> None:
    assert deliver(server, f"{local_part}@{domain}", away(fields="")).startswith(b"250")
    assert InboundMessage.objects.get().rcpt_to == f"{local_part}@{domain}"


def test_postmaster_alone_is_an_address(server) -> None:
    assert deliver(server, "postmaster", away(fields="")).startswith(b"250")
    assert InboundMessage.objects.get().rcpt_to == "postmaster"


def test_bounces_of_a_verified_sending_domain_are_taken_and_of_others_not(server) -> None:
    project, recipient = make_project(), delivered()
    SendingDomain.objects.create(project=project, name="a.example", verified_at=timezone.now())
    SendingDomain.objects.create(project=project, name="b.example")
    own = return_address(recipient, domain="bounces.a.example")
    assert (
        deliver(server, return_address(recipient, domain="bounces.b.example"), dsn())[:3] == b"550"
    )
    assert deliver(server, own, dsn()).startswith(b"250")
    assert status_of(recipient) == Status.BOUNCED
    assert deliver(server, "abuse@bounces.a.example", away(fields="")).startswith(b"250")


@pytest.mark.parametrize(
    "address",
    [
        f"ann@{DOMAIN}",
        "ann@example.org",
        "postmaster@example.org",
        "abuse@bounces.example.org",
        f"b+aaaa@{DOMAIN}",
        f"b+@{DOMAIN}",
        f"@{DOMAIN}",
        "ann",
        "",
        f"ann%example.org@{DOMAIN}",
        f"ann@example.org@{DOMAIN}",
        f"ann!example.org@{DOMAIN}",
    ],
)
def test_nothing_else_is_taken_or_passed_on(server, address) -> None:
    with Client(server) as client:
        client.command("EHLO x", "MAIL FROM:<>")
        assert client.command(f"RCPT TO:<{address}>").startswith(b"550 5.1.1")
        assert client.command("DATA").startswith(b"503")


def test_forged_and_expired_return_paths_change_nothing(server) -> None:
    recipient = delivered()
    expired = return_address(recipient, now=timezone.now() - timedelta(days=40))
    true = return_address(recipient)
    forged = true.replace(true[4], "a" if true[4] != "a" else "b", 1)
    for address in (expired, forged, true[:-1], true.replace(DOMAIN, "example.org")):
        assert deliver(server, address, dsn()).startswith(b"550 5.1.1"), address
    assert status_of(recipient) == Status.DELIVERED
    assert not Suppression.objects.exists()


def test_return_path_is_read_in_capitals(server) -> None:
    recipient = delivered()
    assert deliver(server, return_address(recipient).upper(), dsn()).startswith(b"250")
    assert status_of(recipient) == Status.BOUNCED


def test_mail_for_several_recipients_is_done_for_each(server) -> None:
    one, two = delivered(), delivered()
    with Client(server) as client:
        client.command("EHLO x", "MAIL FROM:<>")
        client.command(*[f"RCPT TO:<{return_address(row)}>" for row in (one, two)], "DATA")
        assert client.say(dsn() + b".\r\n").startswith(b"250")
    assert [status_of(one), status_of(two)] == ["bounced", "bounced"]


@pytest.mark.services
def test_mails_for_the_same_recipients_in_two_orders_do_not_stop_each_other(server) -> None:
    for _ in range(5):
        rows = [delivered() for _ in range(10)]
        clients = [Client(server), Client(server)]
        for client, order in zip(clients, (rows, rows[::-1]), strict=True):
            client.command("EHLO x", "MAIL FROM:<>")
            client.command(*[f"RCPT TO:<{return_address(row)}>" for row in order], "DATA")
        for client in clients:
            client.socket.sendall(dsn() + b".\r\n")
        assert [client.read()[:3] for client in clients] == [b"250", b"250"]
        assert {status_of(row) for row in rows} == {"bounced"}


def test_several_mails_go_over_one_connection(server) -> None:
    rows = [delivered() for _ in range(3)]
    with Client(server) as client:
        client.command("EHLO x")
        for row in rows:
            client.command("MAIL FROM:<>", f"RCPT TO:<{return_address(row)}>", "DATA")
            assert client.say(dsn() + b".\r\n").startswith(b"250")
        assert client.command("QUIT").startswith(b"221")
    assert {status_of(row) for row in rows} == {"bounced"}


def test_no_more_is_kept_than_staff_can_see_to(server, monkeypatch) -> None:
    monkeypatch.setattr("delivery.homecoming.MOST_KEPT", 1)
    assert deliver(server, f"abuse@{DOMAIN}", away(fields="")).startswith(b"250")
    assert deliver(server, f"abuse@{DOMAIN}", away(fields="")).startswith(b"452 4.3.1")
    InboundMessage.objects.update(handled_at=timezone.now())
    assert deliver(server, f"abuse@{DOMAIN}", away(fields="")).startswith(b"250")


def test_no_more_bytes_are_kept_than_a_disk_can_spare(server, monkeypatch) -> None:
    content = away(fields="")
    monkeypatch.setattr("delivery.homecoming.MOST_KEPT_BYTES", len(content) + 1)
    replies = [deliver(server, f"abuse@{DOMAIN}", content)[:9] for _ in range(3)]
    assert replies == [b"250 2.0.0", b"250 2.0.0", b"452 4.3.1"]


def test_mail_to_many_of_our_addresses_is_kept_once(server) -> None:
    with Client(server) as client:
        client.command("EHLO x", "MAIL FROM:<a@example.org>")
        for address in ("abuse@", "Abuse@", "postmaster@"):
            assert client.command(f"RCPT TO:<{address}{DOMAIN}>").startswith(b"250")
        client.command("RCPT TO:<postmaster>", "DATA")
        assert client.say(away(fields="") + b".\r\n").startswith(b"250")
    assert InboundMessage.objects.get().rcpt_to == f"abuse@{DOMAIN}"


def test_bytes_in_addresses_that_are_no_text_do_no_harm(server) -> None:
    with Client(server) as client:
        client.command("EHLO x")
        assert client.say(b"MAIL FROM:<\xff\xfe@example.org> SMTPUTF8\r\n").startswith(b"250")
        assert client.say(b"RCPT TO:<abuse@bounces.\xff.example>\r\n").startswith(b"550")
        assert client.command(f"RCPT TO:<abuse@{DOMAIN}>", "DATA").startswith(b"354")
        assert client.say(away(fields="") + b".\r\n").startswith(b"250")
    assert InboundMessage.objects.get().mail_from == "??@example.org"


def test_who_guesses_addresses_is_sent_away(server) -> None:
    with Client(server) as client:
        client.command("EHLO x", "MAIL FROM:<a@example.org>")
        replies = [client.command(f"RCPT TO:<user{n}@{DOMAIN}>") for n in range(10)]
        assert [reply[:3] for reply in replies] == [b"550"] * 9 + [b"421"]
        assert client.is_closed()


def test_one_mail_has_no_more_than_ten_recipients(server) -> None:
    with Client(server) as client:
        client.command("EHLO x", "MAIL FROM:<>")
        replies = [client.command(f"RCPT TO:<abuse@{DOMAIN}>") for _ in range(11)]
        assert replies[9].startswith(b"250")
        assert replies[10].startswith(b"452 4.5.3")


def test_nobody_logs_in(server) -> None:
    with Client(server) as client:
        assert b"AUTH" not in client.command("EHLO x")
        assert client.command("AUTH PLAIN AGFubgBzZWNyZXQ=").startswith(b"502")


def test_addresses_are_told_to_nobody(server) -> None:
    with Client(server) as client:
        client.command("EHLO x")
        assert client.command(f"VRFY postmaster@{DOMAIN}").startswith(b"252")
        assert client.command("EXPN staff").startswith(b"502")
        assert client.command("HELP").startswith(b"214")
