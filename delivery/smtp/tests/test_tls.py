"""Encryption is what was asked for, or there is no mail."""

from __future__ import annotations

import ssl

import pytest

from delivery.smtp import Connection, Endpoint, Outcome, Phase, Session, TlsMode, TlsPolicy

from .certificates import Certificate
from .factories import BIG, LARGE, MESSAGE, ONE, SENDER, endpoint, yes
from .scripted import CHUNKED, ScriptedServer, drop, garbage, in_turn, say, stall


def deliver(to: Endpoint) -> Outcome:
    connection = Connection(to)
    failure = connection.open()
    outcome = failure or connection.send(SENDER, [ONE], MESSAGE, yes)[ONE]
    connection.quit()
    return outcome


@pytest.mark.parametrize("mode", [TlsMode.STARTTLS, TlsMode.OPPORTUNISTIC, TlsMode.TLS])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_verified_tls_is_reported(mode: TlsMode, host: str, certificate: Certificate) -> None:
    implicit = mode is TlsMode.TLS
    with ScriptedServer(certificate=certificate, implicit_tls=implicit) as server:
        policy = TlsPolicy(mode, ca_file=certificate.chain)
        outcome = deliver(endpoint(server, host=host, tls=policy))
        assert outcome.kind == "delivered"
        assert outcome.tls is not None
        assert outcome.tls.verified
        assert outcome.tls.version == "TLSv1.3"
        assert "AES" in outcome.tls.cipher or "CHACHA" in outcome.tls.cipher
        assert server.messages[0].tls
        assert outcome.host.endswith(f"127.0.0.1{']' if host == 'localhost' else ''}:{server.port}")


@pytest.mark.parametrize("mode", [TlsMode.STARTTLS, TlsMode.OPPORTUNISTIC, TlsMode.TLS])
def test_unknown_certificate_is_refused_when_verifying(
    mode: TlsMode, certificate: Certificate
) -> None:
    with ScriptedServer(certificate=certificate, implicit_tls=mode is TlsMode.TLS) as server:
        outcome = deliver(endpoint(server, tls=TlsPolicy(mode)))
        assert (outcome.kind, outcome.phase) == ("deferred", Phase.TLS)
        assert "certificate verify failed" in outcome.detail
        assert server.seen("MAIL") == []


def test_unknown_certificate_will_do_without_verifying(certificate: Certificate) -> None:
    with ScriptedServer(certificate=certificate) as server:
        outcome = deliver(endpoint(server, tls=TlsPolicy(TlsMode.STARTTLS, verify=False)))
        assert outcome.kind == "delivered"
        assert outcome.tls is not None
        assert not outcome.tls.verified


class OldServer(Certificate):
    """Speaks TLS as a server did that nobody has touched since 2010."""

    def server_context(self) -> ssl.SSLContext:
        context = Certificate.server_context(self)
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = ssl.TLSVersion.TLSv1
        context.set_ciphers("ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")
        return context


class WeakServer(Certificate):
    """Knows no cipher that is not of yesterday."""

    def server_context(self) -> ssl.SSLContext:
        context = Certificate.server_context(self)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")
        return context


WEAK = pytest.mark.parametrize("weak", [OldServer, WeakServer])


@WEAK
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
def test_weak_encryption_will_do_where_none_would_do(
    weak: type[Certificate], certificate: Certificate
) -> None:
    with ScriptedServer(certificate=weak(certificate.chain, certificate.key)) as server:
        outcome = deliver(endpoint(server, tls=TlsPolicy(TlsMode.OPPORTUNISTIC, verify=False)))
        assert outcome.kind == "delivered"
        assert outcome.tls is not None
        assert server.messages[0].tls


@WEAK
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
@pytest.mark.parametrize(
    ("mode", "verify"), [(TlsMode.STARTTLS, False), (TlsMode.OPPORTUNISTIC, True)]
)
def test_weak_encryption_is_none_where_encryption_is_required(
    weak: type[Certificate], mode: TlsMode, verify: bool, certificate: Certificate
) -> None:
    with ScriptedServer(certificate=weak(certificate.chain, certificate.key)) as server:
        policy = TlsPolicy(mode, verify=verify, ca_file=certificate.chain)
        outcome = deliver(endpoint(server, tls=policy))
        assert (outcome.kind, outcome.phase) == ("deferred", Phase.TLS)


def test_certificate_of_another_name_is_refused(certificate: Certificate) -> None:
    with ScriptedServer(certificate=certificate) as server:
        policy = TlsPolicy(TlsMode.STARTTLS, ca_file=certificate.chain)
        outcome = deliver(endpoint(server, host="127.0.0.2", tls=policy))
        assert outcome.kind == "deferred"
        assert server.seen("MAIL") == []


def test_required_starttls_that_is_not_offered_defers() -> None:
    with ScriptedServer() as server:
        outcome = deliver(endpoint(server, tls=TlsPolicy(TlsMode.STARTTLS)))
        assert (outcome.kind, outcome.phase) == ("deferred", Phase.STARTTLS)
        assert server.seen("MAIL") == []


def test_opportunistic_tls_goes_without_where_it_is_not_offered() -> None:
    with ScriptedServer() as server:
        outcome = deliver(endpoint(server, tls=TlsPolicy(TlsMode.OPPORTUNISTIC, verify=False)))
        assert (outcome.kind, outcome.tls) == ("delivered", None)


@pytest.mark.parametrize("step", ["starttls", "handshake"])
@pytest.mark.parametrize("action", [drop, garbage, say("454 4.7.0 not now")])
def test_opportunistic_tls_never_falls_back_to_plain_text(
    step: str, action: object, certificate: Certificate
) -> None:
    with ScriptedServer(certificate=certificate) as server:
        server.on(step, action)  # type: ignore[arg-type]
        policy = TlsPolicy(TlsMode.OPPORTUNISTIC, verify=False)
        assert deliver(endpoint(server, tls=policy)).kind == "deferred"
        assert server.connections == 1
        assert server.seen("MAIL") == []


def test_plain_text_injected_behind_the_starttls_reply_is_refused(
    certificate: Certificate,
) -> None:
    with ScriptedServer(certificate=certificate) as server:
        server.on("starttls", lambda peer: peer.send(b"220 go\r\n250-x\r\n250 AUTH PLAIN\r\n"))
        policy = TlsPolicy(TlsMode.STARTTLS, ca_file=certificate.chain)
        outcome = deliver(endpoint(server, tls=policy))
        assert (outcome.kind, outcome.phase) == ("deferred", Phase.TLS)
        assert "plain text" in outcome.detail
        assert len(server.seen("EHLO")) == 1


def test_extensions_are_asked_for_again_after_starttls(certificate: Certificate) -> None:
    with ScriptedServer(certificate=certificate) as server:
        server.on("ehlo", say("250-x", "250-STARTTLS", "250 SIZE 1"), nth=1)
        policy = TlsPolicy(TlsMode.STARTTLS, ca_file=certificate.chain)
        assert deliver(endpoint(server, tls=policy)).kind == "delivered"
        assert len(server.seen("EHLO")) == 2


@pytest.mark.parametrize("step", ["mail", "dot"])
def test_faults_inside_tls_are_told_apart_too(step: str, certificate: Certificate) -> None:
    policy = TlsPolicy(TlsMode.STARTTLS, ca_file=certificate.chain)
    for action, seconds in ((drop, 8.0), (stall, 0.3)):
        with ScriptedServer(certificate=certificate) as server:
            server.on(step, action)
            outcome = deliver(endpoint(server, seconds, tls=policy))
            assert (outcome.kind, outcome.phase) == ("deferred", step)
            assert outcome.ambiguous is (step == "dot")


def test_big_mail_and_kept_connection_over_tls(certificate: Certificate) -> None:
    policy = TlsPolicy(TlsMode.STARTTLS, ca_file=certificate.chain)
    with ScriptedServer(certificate=certificate) as server:
        server.on("dot", in_turn(say("250 2.0.0 first"), drop), nth=2)
        connection = Connection(endpoint(server, tls=policy))
        connection.open()
        message = BIG[:1_000_000]
        assert connection.send(SENDER, [ONE], message, yes)[ONE].kind == "delivered"
        assert server.messages[0].data == message + b"\r\n"
        assert connection.is_reusable()  # though TLS 1.3 session tickets lie unread
        assert connection.send(SENDER, [ONE], MESSAGE, yes)[ONE].kind == "delivered"
        server.wait_for("dot")


def test_chunks_over_tls(certificate: Certificate) -> None:
    policy = TlsPolicy(TlsMode.STARTTLS, ca_file=certificate.chain)
    with ScriptedServer(extensions=CHUNKED, certificate=certificate) as server:
        session = Session(endpoint(server, tls=policy))
        for message in (MESSAGE, LARGE, MESSAGE):
            assert session.send(SENDER, [ONE], message, yes)[ONE].kind == "delivered"
        assert [message.data for message in server.messages] == [MESSAGE, LARGE, MESSAGE]
        assert server.connections == 1


def test_missing_ca_file_is_the_callers_mistake() -> None:
    policy = TlsPolicy(TlsMode.TLS, ca_file="/nowhere/roots.pem")
    with pytest.raises(OSError, match="No such file"):
        Connection(Endpoint("127.0.0.1", 25, "client.example", tls=policy))
