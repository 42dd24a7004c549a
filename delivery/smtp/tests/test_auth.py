"""Credentials reach the right server, and nobody else."""

from __future__ import annotations

import logging

import pytest

from delivery.smtp import Connection, Credentials, Outcome, Phase, TlsMode, TlsPolicy

from .certificates import Certificate
from .factories import MESSAGE, ONE, SENDER, endpoint, yes
from .scripted import Peer, ScriptedServer, say

SECRET = ("us\u00e9r", "p\u00e4ss word")


def log_in(server: ScriptedServer, *credentials: str, **changed: object) -> Outcome | None:
    given = Credentials(*(credentials or SECRET))
    connection = Connection(endpoint(server, credentials=given, **changed))
    failure = connection.open()
    connection.quit()
    return failure


@pytest.mark.parametrize("offer", ["AUTH PLAIN LOGIN", "AUTH LOGIN", "AUTH=LOGIN", "auth plain"])
def test_mechanisms_are_plain_then_login(offer: str) -> None:
    with ScriptedServer(credentials=SECRET) as server:
        server.on("ehlo", say("250-hi", f"250 {offer}"))
        assert log_in(server) is None
        expected = "AUTH PLAIN " if "PLAIN" in offer.upper() else "AUTH LOGIN"
        assert server.seen("AUTH")[0].startswith(expected)


def test_long_credentials_do_not_make_a_long_command() -> None:
    password = "x" * 2000
    with ScriptedServer(credentials=("user", password)) as server:
        assert log_in(server, "user", password) is None
        assert server.seen("AUTH") == ["AUTH PLAIN"]


def test_wrong_credentials_defer_and_are_said_loudly(caplog: pytest.LogCaptureFixture) -> None:
    with ScriptedServer(credentials=SECRET) as server, caplog.at_level(logging.ERROR):
        failure = log_in(server, "user", "hunter2")
    assert failure is not None
    assert (failure.kind, failure.phase, failure.status) == ("deferred", Phase.AUTH, "5.7.8")
    assert "refuses the credentials" in caplog.text
    assert "535 5.7.8" in caplog.text
    assert "hunter2" not in caplog.text + str(failure)


@pytest.mark.parametrize("offer", ["AUTH CRAM-MD5", "SIZE 1000"])
def test_no_common_mechanism_defers(offer: str) -> None:
    with ScriptedServer(credentials=SECRET) as server:
        server.on("ehlo", say("250-hi", f"250 {offer}"))
        failure = log_in(server)
        assert failure is not None
        assert (failure.kind, failure.phase) == ("deferred", Phase.AUTH)


def test_endless_challenges_are_a_fault() -> None:
    with ScriptedServer(credentials=SECRET) as server:
        server.on("auth", say("334 more")).on("unknown", say("334 more"))
        failure = log_in(server)
        assert failure is not None
        assert (failure.kind, failure.phase) == ("deferred", Phase.AUTH)


class NotLoopback(Connection):
    """Loopback is all that a test has; to this connection it is the open net."""

    def _is_loopback(self) -> bool:
        return False


@pytest.mark.parametrize(("auth_in_clear", "sent"), [(False, False), (True, True)])
def test_credentials_stay_here_without_tls(auth_in_clear: bool, sent: bool) -> None:
    with ScriptedServer(credentials=SECRET) as server:
        terms = endpoint(server, credentials=Credentials(*SECRET), auth_in_clear=auth_in_clear)
        failure = NotLoopback(terms).open()
        assert bool(server.seen("AUTH")) is sent
        assert (failure is None) is sent


def test_credentials_go_out_over_tls(certificate: Certificate) -> None:
    with ScriptedServer(credentials=SECRET, certificate=certificate) as server:
        policy = TlsPolicy(TlsMode.STARTTLS, ca_file=certificate.chain)
        terms = endpoint(server, credentials=Credentials(*SECRET), tls=policy)
        connection = NotLoopback(terms)
        assert connection.open() is None
        assert connection.send(SENDER, [ONE], MESSAGE, yes)[ONE].kind == "delivered"
        assert server.commands.index(server.seen("AUTH")[0]) > server.commands.index("STARTTLS")


def test_mail_refused_for_want_of_credentials_is_deferred() -> None:
    def refuse(peer: Peer) -> None:
        peer.say("530 5.7.0 Authentication required")

    with ScriptedServer() as server:
        server.on("mail", refuse)
        connection = Connection(endpoint(server))
        connection.open()
        assert connection.send(SENDER, [ONE], MESSAGE, yes)[ONE].kind == "deferred"


def test_password_is_not_shown() -> None:
    assert "secret" not in repr(Credentials("user", "secret"))


@pytest.mark.parametrize("pair", [("us\0er", "x"), ("user", "x\0y")])
def test_nul_in_credentials_is_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="NUL"):
        Credentials(*pair)
